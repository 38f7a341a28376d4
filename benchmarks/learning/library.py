"""Branches of a library: loans by the hour, in three tables of which parts go missing thirty times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Engine

from benchmarks.learning.installation import it_is
from domain.incident import commands as c
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding, Improvement
from workers.checks.backtest import backtest
from workers.log.handle import handle
from workers.log.obligations import Work, settle
from workers.respond.diagnose.diagnose import settle as diagnose
from workers.respond.resolve.resolve import settle as resolve
from workers.store import cards

DETECTOR = Actor(kind="worker", id="worker:detect")
PERSON = Actor(kind="person", id="terminal:librarian", groups=("oncall",))
START = datetime(2026, 2, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TABLES, FAULTS, QUIET_DAYS, APART_DAYS = ("loans", "returns", "searches"), 10, 15, 2
DAYS = QUIET_DAYS + FAULTS * APART_DAYS
AN_HOUR, LASTS, LEFT = 240, 5 * HOUR, 0.2
BRANCHES, SHELVES = ("harbour", "hill", "station", "market"), ("novels", "maps", "music")

HEAD = """
[recommender]
name = "library"
[bundle]
path = "{folder}/kept"
[deployers.desk]
kind = "webhook"
url = "http://127.0.0.1:9/hook"
secret_env = "HOOK_SECRET"
[hotfixes.standby]
kind = "webhook"
label = "Read the standby feed"
causes = ["feed", "unknown", "world", "serving"]
deployer = "desk"
undo = "1 click"
"""
TABLE = """
[tables.{name}]
path = "{name}.parquet"
time = "at"
window = "1h"
dimensions = ["branch", "shelf"]
[checks.{name}_volume]
kind = "volume"
table = "{name}"
history = "14d"
[checks.{name}_slices]
kind = "slice_volume"
table = "{name}"
history = "14d"
"""


def write(folder: Path) -> str:
    """The tables as Parquet; returns the declaration."""
    chance = np.random.default_rng(31)
    for place, name in enumerate(TABLES):
        _rows(chance, place).to_parquet(folder / f"{name}.parquet")
    return HEAD.format(folder=folder) + "".join(TABLE.format(name=name) for name in TABLES)


def _rows(chance: np.random.Generator, place: int) -> pd.DataFrame:
    hours = np.repeat(np.arange(DAYS * 24), AN_HOUR)
    busy = 1 + 0.5 * np.sin(2 * np.pi * (hours % 24) / 24)
    hours = hours[chance.random(len(hours)) < busy / busy.max()]
    at = pd.DatetimeIndex(START + pd.to_timedelta((hours + chance.random(len(hours))) * 3600, unit="s"))
    rows = pd.DataFrame(
        {
            "at": at.as_unit("us"),
            "branch": chance.choice(BRANCHES, len(hours)),
            "shelf": chance.choice(SHELVES, len(hours)),
        }
    ).sort_values("at", ignore_index=True)
    lost = np.zeros(len(rows), dtype=bool)
    for number in range(FAULTS):
        lost |= _lost(chance, rows, place, number)
    return rows[~lost].reset_index(drop=True)


def _lost(chance: np.random.Generator, rows: pd.DataFrame, place: int, number: int) -> npt.NDArray[np.bool_]:
    """A fault: of everything, of a branch, or of a shelf, the most is missing for some hours."""
    begins = START + (QUIET_DAYS + number * APART_DAYS) * DAY + (7 + place * 8) * HOUR
    inside = (rows["at"] >= begins) & (rows["at"] < begins + LASTS)
    if number % 3 == 1:
        inside &= rows["branch"] == BRANCHES[number % len(BRANCHES)]
    if number % 3 == 2:
        inside &= rows["shelf"] == SHELVES[number % len(SHELVES)]
    missing: npt.NDArray[np.bool_] = (inside & (chance.random(len(rows)) > LEFT)).to_numpy()
    return missing


def live(log: Engine, recommender: Recommender, most: int) -> None:
    """Its first incidents as a backtest opens them, each diagnosed, offered and resolved."""
    walked = backtest(recommender, START + (QUIET_DAYS - 1) * DAY, START + DAYS * DAY)
    for number, one in enumerate(walked.incidents[:most]):
        first = next(
            finding
            for finding in walked.findings
            if (finding.check, finding.slice) == (one.check, one.slice)
            and finding.window_end == one.opened_at
        )
        _lived(log, recommender, first, one.opened_at, number)


def _lived(log: Engine, recommender: Recommender, first: Finding, at: datetime, number: int) -> None:
    opening = c.OpenIncident(number=0, finding=first)
    it_is(at)  # an event is never from before the one before it, and what was settled would be from today
    stream = handle(None, opening, actor=DETECTOR, key=f"library:{number}", at=at, log=log).stream
    for kind, later in (("diagnose", 2), ("menu", 3)):
        _settled(log, recommender, stream, kind, at + timedelta(minutes=later))
    answer = Improvement(
        detect_faster="No", diagnose_faster="No", change="nothing", detail="It was sent again"
    )
    ending: tuple[c.Command, ...] = (
        c.Resolve(reason="sent again"),
        c.AnswerFollowUp(improvement=answer),
        c.Close(),
    )
    for place, command in enumerate(ending):
        key = f"over:{number}:{place}"
        handle(stream, command, actor=PERSON, key=key, at=at + LASTS, log=log)


def _settled(log: Engine, recommender: Recommender, stream: str, kind: str, at: datetime) -> None:
    work = {"diagnose": diagnose, "menu": resolve}[kind]

    def handler(one: Work) -> Iterator[c.Command]:
        yield from work(replace(one, at=at), recommender)

    with log.connect() as connection:
        incident = cards.find(connection, stream)
    if incident is None:
        raise LookupError(stream)
    settle(log, {kind: handler}, kind, stream, incident.awaits[kind][0])
