"""The record of each check, and what it found without alerting anybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.recommender import FILE_NAME, checks, declaration
from bot.cli.shared import Json, utc
from bot.cli.table import table
from bot.cli.terminal import print_json, say
from bot.messages import words
from workers import door

if TYPE_CHECKING:
    from workers.detect.record import Record

File = Annotated[Path | None, typer.Option("--file", help=FILE_NAME)]
WAY_OUT = "remove `shadow = true` from the declaration to let it page people"
COLUMNS = (
    "Check",
    "Pages people",
    "On record since",
    "Alarms",
    "Right",
    "False",
    "Open",
    "Precision",
    "Recall",
    "Missed",
    "Found in",
    "Last right",
    "Processor a day",
)


def register(_app: typer.Typer) -> None:
    checks.command("ledger")(ledger)
    checks.command("alarms")(alarms)


def ledger(file: File = None, as_json: Json = False) -> None:
    """How often each check alerted and was right, what every check missed, and the advice that follows."""
    every = door.records(door.open_door(), declaration(file))
    if as_json:
        print_json({"checks": [one.model_dump(mode="json") for one in every]})
        return
    table("", COLUMNS, [_row(one) for one in every])
    for one in every:
        if one.shadow or not one.earned:
            verdict = f"{one.check}: {one.verdict}"
            way_out = f"; {WAY_OUT}" if one.shadow and one.earned else ""
            say(verdict + way_out)
    for one in every:
        for line in _advice(one):
            say(line)


def _advice(one: Record) -> Iterator[str]:
    """The advice for a check, and the part of its record that supports it."""
    if one.advice is not None:
        key = f" ({one.advice.key})" if one.advice.key else ""
        yield f"{one.check}: {one.advice.move}{key}: {one.advice.says}"


def _row(one: Record) -> tuple[str, ...]:
    found_in = "–" if one.to_detect is None else words.lasting(one.to_detect)
    counts = (one.alarms, one.confirmed, one.false, one.undecided)
    missed = ", ".join(f"#{number}" for number in (*one.missed, *one.unseen)) or "–"
    pages = "no (shadow mode)" if one.shadow else "yes"
    shares = ("–" if share is None else words.estimate(share) for share in (one.precision, one.recall))
    cost = "–" if one.seconds_a_day is None else f"{one.seconds_a_day:.1f} s"
    right = utc(one.last_right) if one.last_right else "–"
    return (one.check, pages, utc(one.since), *map(str, counts), *shares, missed, found_in, right, cost)


def alarms(file: File = None, as_json: Json = False) -> None:
    """Findings that alerted nobody: in shadow mode, planned, silenced, or about an item that ended."""
    every = door.alarms(door.open_door(), declaration(file))
    if as_json:
        print_json({"alarms": [{"check": check, **one.model_dump(mode="json")} for check, one in every]})
        return
    rows = [
        (utc(one.since), utc(one.until), one.severity.value, check, one.title, one.quiet)
        for check, one in every
    ]
    table("", ("Since, UTC", "Until", "", "Check", "Found", "Why nobody was alerted"), rows)
