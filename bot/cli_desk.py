"""What the terminal's commands share: who asks, how an order is given, how an answer is printed."""

from __future__ import annotations

import getpass
import json
import os
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.messages import words
from domain.errors import Refused
from domain.incident.commands import Command
from domain.incident.decide import in_hand
from domain.incident.state import Incident
from domain.values import Actor
from workers.door import Door, open_door

try:
    import pwd
except ImportError:  # not on Windows
    pwd = None  # type: ignore[assignment]

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Number = Annotated[str, typer.Argument(metavar="ID", help="The incident's number.")]


def operator(door: Door) -> Actor:
    """The person at this terminal."""
    named = door.permissions()
    groups = tuple(sorted({*named.respond, *named.deploy, *named.approve}))
    return Actor(kind="person", id=f"terminal:{account()}", groups=groups)


def account() -> str:
    """
    The user of the operating system that this process runs as: not what LOGNAME says, which anybody may set.
    """
    if pwd is None:
        return getpass.getuser()
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user-{number}"  # in a container, for instance


def find(door: Door, number: str, *, whole: bool = False) -> Incident:
    """
    The incident with this number; see `Door.incident`.

    Raises:
        Refused: there is none.
    """
    found = door.incident(number, whole=whole)
    if found is None:
        raise Refused(f"there is no incident {number}; `recsysops status --all` lists those there are")
    return found


def order(number: str, command: Command, *, as_json: bool) -> None:
    """Ask this of an incident, and print what it has come to."""
    door = open_door()
    incident = find(door, number)
    answer = door.submit(incident.stream, command, operator(door), f"terminal:{uuid.uuid4()}")
    after = find(door, number)
    if as_json:
        print_json({"incident": plain(after), "events": [e.event.wire_name for e in answer.events]})
        return
    done = ", ".join(event.event.wire_name for event in answer.events)
    console().print(f"#{after.number} is {after.status}: {done or 'nothing to do'}", highlight=False)
    if after.status in ("resolved", "closed") and (still := in_hand(after)):
        console().print(f"{still}. `recsysops hotfix revert {after.number}` takes it back.", highlight=False)


def plain(incident: Incident) -> dict[str, Any]:
    """An incident as JSON values."""
    return incident.model_dump(mode="json")


def print_json(value: object) -> None:
    """JSON on the standard output, and nothing else."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def console() -> Console:
    """Where people read."""
    return Console()


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for people."""
    drawn = Table(*columns, title=title or None, box=box.SIMPLE, title_justify="left")
    for row in rows:
        drawn.add_row(*map(escape, row))
    console().print(drawn)


def utc(at: datetime | None) -> str:
    """A time for a terminal."""
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def who(actor: str | None) -> str:
    """Who it was, or nobody."""
    return "nobody" if actor is None else words.spoken(actor)
