"""
A healthy table of five thousand slices, day after day, that scatters as a real feed of ratings does.

How days differ was measured on three months of MovieTweetings, by first genre, age of the film, stars, hour
and a quarter of the members, each pair of them against its week. Nearly all of the part that grows with the
rows, 6 to 12 % of a pair's from day to day, is shared: a genre has its day, and every slice of it as well
(with both margins of the day known, no part that grows with the rows was left in any of seven pairs). A
pair's own scatter is bursts, people who rate several films in a row: 1.3 to 1.9 times a Poisson's variance,
2.1 at most, however many rows there are.

So each value of each dimension has its own factor for the day here, 0, 4 or 8 %, which makes 0, 6 or 11 % for
a pair of them, and counts have 1.5 times a Poisson's variance. On top of that: slices from a dozen to
thousands of rows a day, a weekday season of its own in each value, a total that grows and scatters, and
drifting shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from scipy import stats

from domain.detection.data.counts import Counts
from domain.detection.data.window import grid_until
from domain.values import Slice

Floats = npt.NDArray[np.float64]

VALUES = {"country": 60, "genre": 81}  # (60 + 1) · (81 + 1) − 1 = 5,001 slices of one and of two dimensions
ROWS_A_DAY = 4_000_000
HISTORY = 56  # days before the judged one
WEEKDAYS = np.array([0.95, 0.90, 0.90, 0.95, 1.05, 1.25, 1.20])
BURST = 1.5  # times a Poisson's variance
END = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Kind:
    """
    How days differ: relative scatter (standard deviation) that a value shares with all of its slices, and
    scatter of a two-value slice alone; `tail` degrees of freedom of both (none: normal); `season` and `trend`
    (a day) by which values differ.
    """

    shared: float = 0.0
    own: float = 0.0
    tail: float | None = None
    season: float = 0.03
    trend: float = 0.0


@dataclass(frozen=True)
class World:
    """
    (days, countries, genres) rows and, before bursts and a slice's own scatter, what they should be; and
    (countries, genres) what a cell holds on average.
    """

    kind: Kind
    cells: Floats
    foreseen: Floats
    usual: Floats

    def variance(self, mean: Floats) -> Floats:
        """Variance of the rows of slices that should hold `mean`."""
        return BURST * mean + (self.kind.own * mean) ** 2


def world(seed: int, days: int, kind: Kind) -> World:
    """A table of `days` days without a fault."""
    chance = np.random.default_rng(seed)
    shape = tuple(VALUES.values())
    part = np.outer(*(chance.dirichlet(np.full(count, 1.5)) for count in shape))
    part *= chance.lognormal(0, 0.5, shape)
    part /= part.sum()
    weekday = np.arange(days) % 7
    mean = ROWS_A_DAY * WEEKDAYS[weekday] * chance.lognormal(0, 0.04, days) * 1.001 ** np.arange(days)
    foreseen = mean[:, None, None] * part
    for axis, count in enumerate(shape):
        season = chance.lognormal(0, kind.season, (7, count))[weekday]
        trend = np.outer(np.arange(days) - days / 2, chance.normal(0, kind.trend, count))
        off = _wander(chance, days, count) + trend + kind.shared * _drawn(chance, kind.tail, (days, count))
        foreseen *= np.expand_dims(season * np.exp(off), 2 - axis)
    mean = foreseen * np.exp(kind.own * _drawn(chance, kind.tail, foreseen.shape)) if kind.own else foreseen
    size = np.maximum(mean / (BURST - 1), 1e-9)
    rows = chance.poisson(chance.gamma(size, BURST - 1)).astype(np.float64)
    return World(kind, rows, foreseen, part * ROWS_A_DAY)


def _drawn(chance: np.random.Generator, tail: float | None, shape: tuple[int, ...]) -> Floats:
    """Draws with standard deviation one; no day is off by more than twelve of them."""
    if tail is None:
        return chance.normal(0, 1, shape)
    drawn = chance.standard_t(tail, shape) / np.sqrt(stats.t.var(tail))
    return np.asarray(np.clip(drawn, -12, 12), dtype=np.float64)


def _wander(chance: np.random.Generator, days: int, count: int) -> Floats:
    """Log shares that drift and revert: half a percent a day, with a memory of a month."""
    steps = chance.normal(0, 0.005, (days, count))
    place = np.zeros((days, count))
    for day in range(1, days):
        place[day] = 0.97 * place[day - 1] + steps[day]
    return place


def names() -> tuple[Slice, ...]:
    """All slices, in the order of `flat`."""
    one, other = VALUES
    singles = [((name, str(value)),) for name, count in VALUES.items() for value in range(count)]
    pairs = product(range(VALUES[one]), range(VALUES[other]))
    return (*singles, *(((one, str(left)), (other, str(right))) for left, right in pairs))


def flat(cells: Floats) -> Floats:
    """(days, slices) rows of each."""
    days = len(cells)
    return np.hstack([cells.sum(axis=2), cells.sum(axis=1), cells.reshape(days, -1)])


def counts_until(cells: Floats, day: int) -> Counts:
    """The check's input on `day`: that day and its history."""
    seen = cells[day - HISTORY : day + 1]
    grid = grid_until(END + timedelta(days=day), timedelta(days=1), timedelta(days=HISTORY), ZoneInfo("UTC"))
    return Counts(grid, seen.sum(axis=(1, 2)), flat(seen), names(), np.ones(len(seen), dtype=bool))
