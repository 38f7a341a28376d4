"""`recsysops burn-in`: a review of a table's first days."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.recommender import FILE_NAME, declaration, moment_of
from bot.cli.shared import Json, utc
from bot.cli.table import table
from bot.cli.terminal import print_json, say
from workers import door


def register(app: typer.Typer) -> None:
    app.command("burn-in")(burn_in)


def burn_in(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="A declared table.")],
    file: Annotated[Path | None, typer.Option("--file", help=FILE_NAME)] = None,
    at: Annotated[
        str | None, typer.Option(help="Run as of this time, for instance 2026-11-25T02:40Z.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What is odd about a new table, what is new in it, what will be watched, and from when."""
    found = door.burn_in(declaration(file), name, moment_of(at) if at else None)
    if as_json:
        print_json({"burn_in": found.model_dump(mode="json")})
        return
    through = "has enough history" if found.through else f"burn-in until {utc(found.through_at)}"
    say(f"{name}: {found.rows:,} rows from {utc(found.first)} to {utc(found.last)} UTC; {through}.")
    say("Odd:" if found.odd else "Nothing contradicts its declaration, its checks or the related tables.")
    for line in found.odd:
        say(f"  ! {line}")
    for one in found.newcomers:
        what = f"column {one.column}" if one.value is None else f"{one.column} = {one.value}"
        judged = "" if one.through else "; too new to be judged"
        say(f"New: {what} since {utc(one.since)}, {one.share:.1%} of the rows from then on{judged}")
    rows = [
        (
            one.check,
            one.kind,
            "now" if one.since <= found.at else utc(one.since),
            "shadow" if one.shadow else "",
        )
        for one in found.watched
    ]
    if rows:
        table("", ("Check", "Kind", "Watches from, UTC", ""), rows)
    else:
        say("No check covers it: add [checks.NAME].")
