"""
Tables of rows as a service writes them, on disk: days with 3 or 8 times the rows of nights, quieter weekends,
with and without more scatter than counting has.

Where there is more scatter, each quarter of an hour has its own factor (15 %), shared by all of its minutes:
consecutive looks at short windows then agree on what is only noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from domain.recommender.recommender import Recommender

Floats = npt.NDArray[np.float64]

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
WEEKS = 8
MINUTE, DAY, WEEK = 60, 86_400, 604_800  # seconds
WEEKEND = 0.65
BLOCK, SCATTER = 15, 0.15  # minutes that share a factor, and its standard deviation
LOST = 0.3
LOSS_HOURS, LOSSES_FROM, LOSS_EVERY = (
    4,
    4 * WEEK,
    33 * 3_600,
)  # the hour of the day at which one begins moves on


@dataclass(frozen=True)
class World:
    """
    One table: days have `swing` times the rows of nights, `rows` a minute on average over the day,
    `over`dispersed or not.
    """

    swing: float
    over: bool
    rows: float
    seed: int
    faulty: bool = False

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.swing:g}-{'over' if self.over else 'poisson'}-{self.rows:g}-{self.seed}-{self.faulty}"

    def mean(self, minutes: int = 1) -> Floats:
        """(n_windows,) expected rows of windows of `minutes` each, without scatter or loss."""
        t = np.arange(WEEKS * WEEK // MINUTE) * MINUTE
        season = np.exp(np.log(self.swing) / 2 * np.sin(2 * np.pi * (t / DAY - 0.35)))
        season *= np.where((t // DAY) % 7 >= 5, WEEKEND, 1.0)
        each = self.rows * season / season.mean()
        return np.asarray(each.reshape(-1, minutes).sum(axis=1))

    def counts(self) -> npt.NDArray[np.int64]:
        """(n_minutes,) rows."""
        chance = np.random.default_rng([self.seed, round(self.swing), int(self.over)])
        mean = self.mean()
        if self.over:
            mean *= np.repeat(chance.gamma(SCATTER**-2, SCATTER**2, len(mean) // BLOCK), BLOCK)
        rows = chance.poisson(mean)
        if self.faulty:
            for begin in losses():
                inside = slice(begin // MINUTE, begin // MINUTE + LOSS_HOURS * 60)
                rows[inside] = chance.binomial(rows[inside], 1 - LOST)
        return np.asarray(rows, dtype=np.int64)


def losses() -> list[int]:
    """Seconds after the start at which a loss begins."""
    return list(range(LOSSES_FROM, WEEKS * WEEK - DAY, LOSS_EVERY))


def written(world: World, folder: Path) -> Path:
    """The table as a file, made only once."""
    file = folder / f"{world.name}.parquet"
    if not file.is_file():
        rows = world.counts()
        within = np.random.default_rng(world.seed).integers(0, 60_000_000, int(rows.sum()))
        at = np.repeat(np.arange(len(rows), dtype=np.int64) * 60_000_000, rows) + within
        at += round(START.timestamp() * 1e6)
        pq.write_table(pa.table({"at": pa.array(at, pa.timestamp("us", tz="UTC"))}), file)
    return file


def declared(file: Path, minutes: int, history: timedelta | None = None) -> Recommender:
    """What a user declares: one table, one volume check."""
    check: dict[str, object] = {"name": "volume", "kind": "volume", "table": "events"}
    check |= {"history": history} if history else {}
    table = {"name": "events", "path": str(file), "time": "at", "window": f"{minutes}m"}
    return Recommender.model_validate(
        {"name": "b", "folder": str(file.parent), "tables": {"events": table}, "checks": {"volume": check}}
    )
