"""`recsysops rehearse`: tries the declared hotfixes on a shadow of the log."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated

import typer

from bot.cli.progress import progress
from bot.cli.recommender import Declared, declaration, moment_of
from bot.cli.shared import Json, operator
from bot.cli.table import table
from bot.cli.terminal import print_json, say
from bot.messages.practice import rehearsal as messages
from domain.incident.events import HotfixRehearsed
from workers import door


def register(app: typer.Typer) -> None:
    app.command("rehearse")(rehearse)


def rehearse(
    file: Declared = None,
    hotfix: Annotated[
        str | None, typer.Option("--hotfix", metavar="NAME", help="This one; all, if not given.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="As of this time, for instance 2026-11-25T02:40Z; not recorded then.")
    ] = None,
    as_json: Json = False,
) -> None:
    """
    Try the declared hotfixes on a shadow of the log with a fault planted in it. Nothing is deployed.

    Exit code 1 if one of them repairs nothing.
    """
    with progress("rehearsing") as step:
        found = door.rehearse(declaration(file), hotfix, moment_of(at) if at else None, step)
    written = None if at else _recorded(found)
    useless = messages.useless(found)
    if as_json:
        every = [one.model_dump(mode="json") for one in found]
        print_json({"rehearsals": every, "recorded": written, "useless": list(useless)})
    else:
        table("", messages.COLUMNS, [messages.row(one) for one in found])
        for one in found:
            say(messages.why(one))
        say(messages.recorded(written))
        if useless:
            say(f"To fix: {', '.join(useless)}.")
    raise typer.Exit(1 if useless else 0)


def _recorded(found: Sequence[HotfixRehearsed]) -> int | None:
    """How many were recorded in the log; None if no store is named or running."""
    if door.environment().database_url is None:
        return None
    opened = door.open_door()
    return opened.record_rehearsals(found, operator(opened), f"terminal:{uuid.uuid4()}")
