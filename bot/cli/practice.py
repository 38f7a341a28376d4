"""Whether the practice gets better: ML Test Score, scorecard, incidents replayed, hotfixes rehearsed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.shared import (
    FILE_NAME,
    Declared,
    File,
    Json,
    at_moment,
    declaration,
    names_of,
    operator,
)
from bot.cli.terminal import end_in_json, progress, say, table
from bot.messages.practice import audit as audits
from bot.messages.practice import rehearsal as rehearsals
from bot.messages.practice import replayed
from bot.messages.practice import scorecard as scorecards
from domain.errors import ConfigurationError
from domain.incident.events import AttestationGiven, HotfixRehearsed
from domain.incident.times import definition
from domain.scored import LATELY
from workers import door
from workers.door import open_door

app = typer.Typer()
score = typer.Typer(help="The ML Test Score: what is tested, and by what.")
app.add_typer(score, name="audit")


@score.callback(invoke_without_command=True)
def audit(context: typer.Context, file: File = None, as_json: Json = False) -> None:
    """The ML Test Score: 28 tests in four sections; the lowest section gives the score."""
    if context.invoked_subcommand is not None:
        return
    found = open_door().audit(declaration(file))
    end_in_json(as_json, {"audit": found})
    say(f"{audits.headline(found)}.")
    rows = list(audits.rows(found, names_of(audits.people(found))))
    table("", ("Test", "Points", "Name", "Evidence"), rows)
    for line in audits.without_evidence(found):
        say(line)


@score.command()
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
    said = AttestationGiven(
        test=test, how="manual" if manual else "automatic", link=link, until=until.replace(tzinfo=UTC)
    )
    here = open_door()
    here.attest(said, operator(here), f"terminal:{uuid.uuid4()}")
    end_in_json(as_json, {"said": said})
    say(f"{test} is attested until {until:%Y-%m-%d}")


@app.command()
def scorecard(
    file: File = None,
    days: Annotated[int, typer.Option(min=1, help="What is lately, beside everything before.")] = LATELY.days,
    by: Annotated[
        list[str] | None, typer.Option(help="A time by an earlier definition too, for instance detect=v1.")
    ] = None,
    as_json: Json = False,
) -> None:
    """How long each step takes now and took before, over the newest 500 incidents; which promises held."""
    beside = [definition(one) for one in by or ()]
    found = open_door().scorecard(timedelta(days=days), beside, declaration(file))
    end_in_json(as_json, found)
    say(f"{scorecards.headline(found)}.")
    for name, said in scorecards.components(found):
        say(f"{name}: {said}")
    if helps := scorecards.helps_most(found):
        say(f"What would help most: {helps}.")
    table("", scorecards.time_columns(found), list(scorecards.time_rows(found)))
    table("", scorecards.share_columns(found), list(scorecards.share_rows(found)))
    if not found.promises:
        say(scorecards.NO_PROMISES)
    for columns, kept in ((scorecards.PROMISES, found.promises), (scorecards.COSTS, found.costs)):
        if kept:
            table("", columns, [scorecards.kept_row(one) for one in kept])
    say(scorecards.beside(found))
    if beside:
        for line in scorecards.definitions(found):
            say(line)


@app.command()
def replay(
    asked: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[INCIDENT…] [FILE]", help=f"Numbers of incidents, and a {FILE_NAME} or its folder."
        ),
    ] = None,
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
    numbers, file = _numbers_and_file(asked or [])
    if bool(numbers) == every:
        raise ConfigurationError("say which incidents: their numbers, or --all")
    with progress("replaying") as step:
        found = door.replay_incidents(open_door(), declaration(file), None if every else numbers, step)
    code = 1 if fail and found.worse else 0
    end_in_json(as_json, {"replay": found, "worse": [one.number for one in found.worse]}, code)
    table("", replayed.COLUMNS, [replayed.row(one) for one in found.incidents])
    for one in found.incidents:
        for line in replayed.why(one):
            say(line)
    say(replayed.total(found))
    raise typer.Exit(code)


def _numbers_and_file(words: list[str]) -> tuple[list[int], Path | None]:
    """
    >>> _numbers_and_file(["142", "#7", "ops/recsysops.toml"])
    ([142, 7], PosixPath('ops/recsysops.toml'))
    """
    numbers = [int(word.lstrip("#")) for word in words if word.lstrip("#").isdigit()]
    files = [Path(word) for word in words if not word.lstrip("#").isdigit()]
    if len(files) > 1:
        raise ConfigurationError(f"{files[0]} and {files[1]}: name one {FILE_NAME}")
    return numbers, files[0] if files else None


@app.command()
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
        found = door.rehearse(declaration(file), hotfix, at_moment(at), step)
    written = None if at else _recorded(found)
    useless = list(rehearsals.useless(found))
    code = 1 if useless else 0
    end_in_json(as_json, {"rehearsals": found, "recorded": written, "useless": useless}, code)
    table("", rehearsals.COLUMNS, [rehearsals.row(one) for one in found])
    for one in found:
        say(rehearsals.why(one))
    say(rehearsals.recorded(written))
    if useless:
        say(f"To fix: {', '.join(useless)}.")
    raise typer.Exit(code)


def _recorded(found: Sequence[HotfixRehearsed]) -> int | None:
    """How many were recorded in the log; None if no store is named or running."""
    if door.environment().database_url is None:
        return None
    here = open_door()
    return here.record_rehearsals(found, operator(here), f"terminal:{uuid.uuid4()}")
