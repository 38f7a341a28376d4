"""`recsysops audit`: the ML Test Score, and what people vouch for in it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import typer

from bot.attestation import day_of
from bot.cli.people import names_of
from bot.cli.recommender import FILE_NAME, declaration
from bot.cli.shared import Json, operator
from bot.cli.table import table
from bot.cli.terminal import print_json, say
from bot.messages.practice import audit as messages
from workers.door import Attest, Withdraw, open_door

File = Annotated[Path | None, typer.Option("--file", help=FILE_NAME)]
Test = Annotated[str, typer.Argument(metavar="TEST", help="For instance infra-1; `audit` lists them.")]
COLUMNS = ("Test", "Points", "Name", "Evidence")

app = typer.Typer(help="The ML Test Score: what is tested, by what, and what to do next.")


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
    for part in found.parts:
        if lacking := messages.gaps(part):
            say(f"{part.name}: no evidence for {', '.join(one.test.id for one in lacking)}")
    if found.step is not None:
        say(f"Next: {found.step.does}")
        if found.step.command:
            say(f"      {found.step.command}")
    say(messages.promise(found))


@app.command()
def attest(
    test: Test,
    link: Annotated[str, typer.Option(help="Where others can see the result: http:// or https://.")],
    until: Annotated[str, typer.Option(help="Until this day, UTC, at most a year away: 2027-01-31.")],
    manual: Annotated[bool, typer.Option("--manual", help="People do it by hand.")] = False,
    as_json: Json = False,
) -> None:
    """Attest a test that RecSysOps cannot see for itself, until the day it is due again."""
    said = Attest(test=test, how="manual" if manual else "automatic", link=link, until=day_of(until))
    _order(said, f"{test} is attested until {until}", as_json=as_json)


@app.command()
def withdraw(test: Test, as_json: Json = False) -> None:
    """Withdraw an attestation."""
    _order(Withdraw(test=test), f"{test} is no longer attested", as_json=as_json)


def _order(said: Attest | Withdraw, done: str, *, as_json: bool) -> None:
    door = open_door()
    written = door.attest(said, operator(door), f"terminal:{uuid.uuid4()}")
    if as_json:
        print_json({"said": said.model_dump(mode="json"), "written": written})
        return
    say(done if written else f"{done}; it was already recorded")
