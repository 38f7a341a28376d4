"""`recsysops correct …`: corrects a wrong entry with a new event that names it."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.shared import Json, Number, find, order
from bot.cli.table import table
from bot.cli.terminal import print_json
from bot.messages import correction
from domain.errors import Refused
from domain.incident.state import Incident, Part
from workers.door import open_door


def register(app: typer.Typer) -> None:
    app.command()(correct)


def correct(
    number: Number,
    event: Annotated[str | None, typer.Argument(help="Its number in the list; none: show the list.")] = None,
    part: Annotated[Part | None, typer.Argument(help="What of it is wrong.")] = None,
    right: Annotated[
        str | None, typer.Argument(help="What is right: 2026-03-01 02:41 (UTC), SEV2, or the note's words.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it is corrected.")] = "",
    as_json: Json = False,
) -> None:
    """Correct a time, an onset, a note or a severity; the original stays readable."""
    incident = find(open_door(), number, whole=event is None)
    if event is None:
        _list(incident, as_json)
        return
    if part is None or right is None:
        raise Refused(
            f'Say what is right, for instance: recsysops correct {number} {event} time "2026-03-01 02:41"'
        )
    named = f"{incident.stream}:{event}" if event.isdecimal() else event
    order(number, correction.order(part, named, right, reason), as_json=as_json)


def _list(incident: Incident, as_json: bool) -> None:
    found = correction.choices(incident)
    if as_json:
        rows = [{"event": one.event, "part": one.part, "says": one.says} for one in found]
        print_json({"correctable": rows})
    else:
        entries = [(one.version, one.part, one.name, one.says) for one in found]
        table(f"#{incident.number}: what can be corrected", ("Event", "Part", "", "Says"), entries)
