"""Branches of a library: loans by the hour, in three tables, parts of which go missing thirty times."""

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
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Actor, Improvement
from workers.detect.detection_run import detection_run
from workers.log.handle import handle
from workers.log.obligations import Work, settle
from workers.respond.diagnose.diagnose import settle as diagnose
from workers.respond.resolve.resolve import settle as resolve
from workers.store import cards

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
    """Write the tables as Parquet; returns the declaration."""
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
    """A fault: most of everything, of a branch, or of a shelf is missing for some hours."""
    begins = START + (QUIET_DAYS + number * APART_DAYS) * DAY + (7 + place * 8) * HOUR
    inside = (rows["at"] >= begins) & (rows["at"] < begins + LASTS)
    if number % 3 == 1:
        inside &= rows["branch"] == BRANCHES[number % len(BRANCHES)]
    if number % 3 == 2:
        inside &= rows["shelf"] == SHELVES[number % len(SHELVES)]
    missing: npt.NDArray[np.bool_] = (inside & (chance.random(len(rows)) > LEFT)).to_numpy()
    return missing


def live(log: Engine, recommender: Recommender) -> None:
    """Live hour by hour as in production: look, diagnose and offer what is found, close it hours later."""
    for hour in range(1, (DAYS - QUIET_DAYS + 1) * 24 + 1):
        at = START + (QUIET_DAYS - 1) * DAY + hour * HOUR
        with it_is(at):  # an event is never earlier than the one before it, nor from today
            _an_hour(log, recommender, at)


def _an_hour(log: Engine, recommender: Recommender, at: datetime) -> None:
    detection_run(log, recommender, at)
    with log.connect() as connection:
        unclosed = cards.every(connection, ("open", "acknowledged", "resolved"))
    for incident in unclosed:
        if incident.diagnosis is None:
            _settled(log, recommender, incident.stream, "diagnose", at + timedelta(minutes=2))
            _settled(log, recommender, incident.stream, "menu", at + timedelta(minutes=3))
        elif at >= incident.opened_at + LASTS:
            _closed(log, incident, at)


def _closed(log: Engine, incident: Incident, at: datetime) -> None:
    answer = Improvement(
        detect_faster="No", diagnose_faster="No", change="nothing", detail="It was sent again"
    )
    ending: tuple[c.Command, ...] = (c.AnswerFollowUp(improvement=answer), c.Close())
    if incident.status != "resolved":
        ending = (c.Resolve(reason="sent again"), *ending)
    for command in ending:
        key = f"over:{incident.number}:{type(command).__name__}"
        handle(incident.stream, command, actor=PERSON, key=key, at=at, log=log)


def _settled(log: Engine, recommender: Recommender, stream: str, kind: str, at: datetime) -> None:
    work = {"diagnose": diagnose, "menu": resolve}[kind]

    def handler(one: Work) -> Iterator[c.Command]:
        yield from work(replace(one, at=at), recommender)

    with log.connect() as connection:
        incident = cards.find(connection, stream)
    if incident is None:
        raise LookupError(stream)
    settle(log, {kind: handler}, kind, stream, incident.awaits[kind][0])
