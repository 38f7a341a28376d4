"""`recsysops audit`: the evidence for each test of the ML Test Score, and what people attest."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.people import names_of
from bot.cli.recommender import FILE_NAME, declaration
from bot.cli.shared import Json, operator
from bot.cli.table import table
from bot.cli.terminal import print_json, say
from bot.messages.practice import audit as messages
from domain.incident.events import AttestationGiven
from domain.values import How
from workers.door import open_door

File = Annotated[Path | None, typer.Option("--file", help=FILE_NAME)]
COLUMNS = ("Test", "Points", "Name", "Evidence")

app = typer.Typer(help="The ML Test Score: what is tested, and by what.")


@app.callback(invoke_without_command=True)
def audit(context: typer.Context, file: File = None, as_json: Json = False) -> None:
    """The ML Test Score: 28 tests in four sections; the lowest section gives the score."""
    if context.invoked_subcommand is not None:
        return
    found = open_door().audit(declaration(file))
    if as_json:
        print_json({"audit": found.model_dump(mode="json")})
        return
    say(f"{messages.headline(found)}.")
    table("", COLUMNS, list(messages.rows(found, names_of(messages.people(found)))))
    for line in messages.without_evidence(found):
        say(line)


@app.command()
def attest(
    test: Annotated[str, typer.Argument(metavar="TEST", help="For instance infra-1; `audit` lists them.")],
    link: Annotated[str, typer.Option(help="Where others can see the result: http:// or https://.")],
    until: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], help="Until this day, UTC, at most a year away: 2027-01-31."),
    ],
    manual: Annotated[bool, typer.Option("--manual", help="People do it by hand.")] = False,
    as_json: Json = False,
) -> None:
    """Attest a test that RecSysOps cannot see for itself, until the day it is due again."""
    how: How = "manual" if manual else "automatic"
    said = AttestationGiven(test=test, how=how, link=link, until=until.replace(tzinfo=UTC))
    door = open_door()
    door.attest(said, operator(door), f"terminal:{uuid.uuid4()}")
    if as_json:
        print_json({"said": said.model_dump(mode="json")})
    else:
        say(f"{test} is attested until {until:%Y-%m-%d}")
