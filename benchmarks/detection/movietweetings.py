"""
The checks of `examples/movietweetings`, walked over a real feed as if it were live: what is found, how often.

Nobody labelled the feed; `EXPLAINED` lists what is known about it, and everything else counts as not
explained.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.table import Row, Rows
from domain.values import name_slice
from workers.checks.backtest import BacktestIncident, backtest
from workers.declaration.declare import load

ROOT = Path(__file__).parents[2]
DATA, BESIDE = "MOVIETWEETINGS_DATA", ROOT.parent / "shared/data/movietweetings"
FILES = ("ratings.dat", "movies.dat", "feed_deliveries.csv")
MOST_A_WEEK = 1.0


@dataclass(frozen=True)
class Walk:
    """A part of the feed, given by the days that are looked at."""

    name: str
    start: datetime
    end: datetime


WALKS = (
    Walk("ratings", datetime(2013, 3, 21, tzinfo=UTC), datetime(2013, 5, 31, tzinfo=UTC)),
    Walk("deliveries", datetime(2013, 8, 19, tzinfo=UTC), datetime(2014, 6, 30, tzinfo=UTC)),
)


@dataclass(frozen=True)
class Event:
    """Something that happened in the world, and the slice in which it shows."""

    what: str
    where: tuple[tuple[str, str], ...]
    start: datetime
    end: datetime

    def explains(self, incident: BacktestIncident) -> bool:
        """Whether an incident is about this slice, and began while the event lasted."""
        return incident.slice == self.where and self.start <= incident.opened_at <= self.end


EXPLAINED = (
    Event(
        "Iron Man 3 comes to cinemas",
        (("genres", "Action"),),
        datetime(2013, 4, 24, tzinfo=UTC),
        datetime(2013, 5, 10, tzinfo=UTC),
    ),
)


def rows(table: Rows) -> Iterator[Row]:
    """Incidents a week without an explanation, and every incident opened."""
    folder = Path(os.environ.get(DATA, BESIDE)).resolve()
    if lacking := [name for name in FILES if not (folder / name).is_file()]:
        yield table.not_run("MovieTweetings", f"{DATA} names no folder with {', '.join(lacking)}")
        return
    feed = load(ROOT / "examples/movietweetings", {DATA: str(folder)})
    for walk in WALKS:
        result = backtest(feed, walk.start, walk.end)
        if result.faults:
            raise RuntimeError(f"a look could not be taken: {result.faults[0]}")
        weeks = (walk.end - walk.start) / timedelta(weeks=1)
        opened = [_described(incident) for incident in result.incidents]
        without = sum(not any(e.explains(one) for e in EXPLAINED) for one in result.incidents)
        yield table.below(
            f"MovieTweetings, {walk.name}: incidents a week not explained, {weeks:.0f} weeks",
            without / weeks,
            "a week",
            MOST_A_WEEK,
            f"{len(opened)} in all: {'; '.join(opened)}" if opened else "nothing was found",
        )


def _described(incident: BacktestIncident) -> str:
    reason = next((event.what for event in EXPLAINED if event.explains(incident)), None)
    where = f" {name_slice(incident.slice)}" if incident.slice else ""
    return f"{incident.opened_at:%-d %b} {incident.check}{where}{f' ({reason})' if reason else ''}"
