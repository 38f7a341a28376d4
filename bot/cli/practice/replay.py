"""`recsysops replay`: every incident as a regression test of today's practice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.progress import progress
from bot.cli.recommender import FILE_NAME, declaration
from bot.cli.shared import Json
from bot.cli.table import table
from bot.cli.terminal import print_json, say
from bot.messages.practice import replayed as messages
from domain.errors import ConfigurationError
from workers import door
from workers.door import open_door

WORSE = 1
Asked = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[INCIDENT…] [FILE]", help=f"Numbers of incidents, and a {FILE_NAME} or its folder."
    ),
]


def register(app: typer.Typer) -> None:
    app.command("replay")(replay)


def replay(
    asked: Asked = None,
    every: Annotated[bool, typer.Option("--all", help="All incidents.")] = False,
    as_json: Json = False,
    fail: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit code 1 where something got worse.")
    ] = False,
) -> None:
    """
    Judge past incidents again with today's checks, diagnosis and hotfixes, on the data kept for each. Nothing
    is written.
    """
    numbers, file = _asked(asked or [])
    if bool(numbers) == every:
        raise ConfigurationError("say which incidents: their numbers, or --all")
    with progress("replaying") as step:
        found = door.replay_incidents(open_door(), declaration(file), None if every else numbers, step)
    if as_json:
        print_json({"replay": found.model_dump(mode="json"), "worse": [one.number for one in found.worse]})
    else:
        table("", messages.COLUMNS, [messages.row(one) for one in found.incidents])
        for one in found.incidents:
            for line in messages.why(one):
                say(line)
        say(messages.total(found))
    if fail and found.worse:
        raise typer.Exit(WORSE)


def _asked(words: list[str]) -> tuple[list[int], Path | None]:
    """
    >>> _asked(["142", "#7", "ops/recsysops.toml"])
    ([142, 7], PosixPath('ops/recsysops.toml'))
    """
    numbers = [int(word.lstrip("#")) for word in words if word.lstrip("#").isdigit()]
    files = [Path(word) for word in words if not word.lstrip("#").isdigit()]
    if len(files) > 1:
        raise ConfigurationError(f"{files[0]} and {files[1]}: name one {FILE_NAME}")
    return numbers, files[0] if files else None
