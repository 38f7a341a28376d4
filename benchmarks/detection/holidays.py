"""
The volume check over holidays, declared and undeclared, through the backtest.

Two tables unlike any example: a shop whose rows halve on holidays and whose customers leave early on their
eves, and a news site that doubles on them; no two holidays are quite alike. A false alarm is an incident that
opens from the evening before a holiday until the morning after it. A miss is a holiday on which nearly all
rows are lost, with hourly windows from noon on, with daily windows all day. The first holiday is included,
when nobody knows yet what it is like.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.table import Row, Rows
from domain.recommender.recommender import Recommender
from workers.checks.backtest import backtest
from workers.declaration.holidays import holidays_of

START = datetime(2025, 3, 3, tzinfo=UTC)  # a Monday
COUNTRY = "DE-BY"
ROWS = 40.0  # an hour on average
SWING, WEEKEND = 5.0, 0.8
APART = 0.2  # of one holiday's factor from another's, in logarithms
LOST = 0.95
EVE_HOUR, EVE = 16, 0.4  # the hour from which an eve resembles its holiday, by this power of its factor
SCATTER = 0.1  # of an hour's own factor
SHAPES = {"a shop that halves": 0.5, "a news site that doubles": 2.0}  # on holidays
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LENGTHS = {HOUR: 7 * 26, DAY: 7 * 60}  # windows → days of history
NEAR = timedelta(hours=8)  # before a holiday and after it
MOST_FALSE, LEAST_DETECTED = 0.05, 0.8


@dataclass(frozen=True)
class World:
    """
    One table, to be looked at in windows of one length: holidays hold `factor` times what a Sunday would; if
    `faulty`, nearly everything is lost on some of them.
    """

    factor: float
    window: timedelta
    faulty: bool = False

    @property
    def days(self) -> int:
        """How many days it covers."""
        return LENGTHS[self.window]

    def holidays(self) -> list[int]:
        """Days since the start."""
        return [one for one in declared_days() if 0 <= one < self.days]

    def lost(self) -> list[tuple[datetime, datetime]]:
        """From when until when nearly everything is lost: on every third holiday."""
        hour = 12 if self.window < DAY else 0
        days = [START + timedelta(days=one) for one in self.holidays()[::3]]
        return [(day + timedelta(hours=hour), day + DAY) for day in days]

    def counts(self) -> npt.NDArray[np.int64]:
        """(n_hours,) rows."""
        chance = np.random.default_rng(round(10 * self.factor))
        hour = np.arange(24 * self.days)
        day, clock, days = hour // 24, hour % 24, self.holidays()
        mean = ROWS * np.exp(np.log(SWING) / 2 * np.sin(2 * np.pi * (clock / 24 - 0.35)))
        mean *= np.where((day % 7 >= 5) | np.isin(day, days), WEEKEND, 1.0)
        for one, apart in zip(days, np.exp(chance.normal(0, APART, len(days))), strict=True):
            mean[day == one] *= self.factor * apart
            if one - 1 not in days:
                mean[(day == one - 1) & (clock >= EVE_HOUR)] *= self.factor**EVE
        rows = chance.poisson(mean * chance.gamma(SCATTER**-2, SCATTER**2, len(mean)))
        for since, until in self.lost() if self.faulty else ():
            gone = slice(round((since - START) / HOUR), round((until - START) / HOUR))
            rows[gone] = chance.binomial(rows[gone], 1 - LOST)
        return np.asarray(rows, dtype=np.int64)


@cache
def declared_days() -> tuple[int, ...]:
    """Holidays by the days since the start."""
    return tuple(sorted((one - START.date()).days for one in holidays_of(COUNTRY)[0].days if _later(one)))


def _later(day: date) -> bool:
    return day >= START.date()


def written(world: World, folder: Path) -> Path:
    """The table's rows, spread over their hours."""
    rows = world.counts()
    begins = np.repeat(np.arange(len(rows)) * 3_600, rows)
    at = (np.int64(START.timestamp()) + begins + (np.arange(len(begins)) * 997) % 3_600) * 1_000_000
    file = folder / f"{world.factor}-{world.window.total_seconds()}-{world.faulty}.parquet"
    pq.write_table(pa.table({"at": pa.array(np.sort(at), pa.timestamp("us", tz="UTC"))}), file)
    return file


def opened(world: World, folder: Path, declared: bool) -> list[datetime]:
    """When the backtest opens incidents."""
    file = written(world, folder)
    recommender = Recommender.model_validate(
        {
            "name": "b",
            "folder": str(file.parent),
            "holidays": holidays_of(COUNTRY if declared else [])[0],
            "tables": {"events": {"name": "events", "path": str(file), "time": "at", "window": world.window}},
            "checks": {"volume": {"name": "volume", "kind": "volume", "table": "events"}},
        }
    )
    end = START + timedelta(days=world.days)
    return [one.opened_at for one in backtest(recommender, START, end).incidents]


def near_holidays(world: World, moments: list[datetime]) -> int:
    """How many were opened on a holiday or close to it."""
    days = [START + timedelta(days=one) for one in world.holidays()]
    return sum(any(day - NEAR < at <= day + DAY + NEAR for day in days) for at in moments)


def detected(world: World, moments: list[datetime]) -> list[bool]:
    """For each loss, whether something was opened between its onset and the end of its day."""
    return [any(since < at <= until for at in moments) for since, until in world.lost()]


def rows(table: Rows) -> Iterator[Row]:
    """By window: false incidents, then losses detected."""
    for window in LENGTHS:
        healthy = [World(factor, window) for factor in SHAPES.values()]
        with TemporaryDirectory() as name:
            folder = Path(name)
            false = [near_holidays(one, opened(one, folder, declared=True)) for one in healthy]
            unknown = [near_holidays(one, opened(one, folder, declared=False)) for one in healthy]
            faulty = [World(one.factor, window, faulty=True) for one in healthy]
            losses = [hit for one in faulty for hit in detected(one, opened(one, folder, declared=True))]
        days = sum(len(one.holidays()) for one in healthy)
        by = "by the hour" if window < DAY else "by the day"
        without = " and ".join(
            f"{count / len(one.holidays()):.2f} ({shape})"
            for shape, count, one in zip(SHAPES, unknown, healthy, strict=True)
        )
        beside = f"{days} holidays; not declared {without}"
        work = f"{' and '.join(SHAPES)} on holidays, {by}"
        yield table.below(work, sum(false) / days, "false incidents a holiday", MOST_FALSE, beside)
        work = f"−{LOST:.0%} on every third holiday, {by}: detected within it"
        yield table.above(work, float(np.mean(losses)), "of them", LEAST_DETECTED, f"{len(losses)} losses")
