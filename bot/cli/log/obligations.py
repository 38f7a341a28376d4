"""`recsysops obligations`: what the log is waiting for, how the workers are doing, and to retry it now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from bot.cli.shared import Json, Number, find, utc
from bot.cli.table import table
from bot.cli.terminal import print_json, say
from bot.messages import words
from workers import door as service
from workers.door import OpenObligation, open_door

COLUMNS = ("Incident", "Obligation", "Since, UTC", "For", "Tries", "Next try", "Last error")
MOST_SHOWN = 100

app = typer.Typer(help="Open obligations, and how the workers are coming along.", invoke_without_command=True)
Kind = Annotated[
    str | None, typer.Argument(metavar="KIND", help="As `recsysops obligations` lists it; all if not given.")
]


@app.callback()
def show(context: typer.Context, as_json: Json = False) -> None:
    """Open obligations: since when, how often tried, when next, and the last error."""
    if context.invoked_subcommand is not None:
        return
    door = open_door()
    if as_json:
        print_json({"debts": [one.model_dump(mode="json") for one in door.owed()]})
    elif found := door.owed(MOST_SHOWN):
        now = door.now()
        table("", COLUMNS, [_row(one, now) for one in found])
        left = sum(one.count for one in door.owed_sums()) - len(found)
        if left > 0:
            say(f"and {left:,} more, all of them with --json.")
    else:
        say("No obligation is open.")


@app.command()
def retry(number: Number, kind: Kind = None, as_json: Json = False) -> None:
    """Retry it at once, as if for the first time; the clock's process hands it over."""
    door = open_door()
    again = service.retry(door, find(door, number), kind)
    if as_json:
        print_json({"debts": [one.model_dump(mode="json") for one in again]})
        return
    for one in again:
        say(f"#{one.number}: “{one.kind}” is tried again within seconds.")


def _row(one: OpenObligation, now: datetime) -> tuple[str, ...]:
    return (
        f"#{one.number}",
        one.kind,
        utc(one.since),
        words.lasting(now - one.since),
        str(one.tries),
        _next(one, now),
        (one.trouble or "").partition("\n")[0],
    )


def _next(one: OpenObligation, now: datetime) -> str:
    if one.next_try_at is None:
        return "–"
    return "now" if one.next_try_at <= now else f"in {words.lasting(one.next_try_at - now)}"
