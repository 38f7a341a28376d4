"""
Five thousand slices day after day: does a healthy table page anyone, is a sick slice found.

The healthy table is unkind: slices from a dozen to thousands of rows a day, a weekday season of their own in
each, shares that drift, and counts that scatter by up to 4 % beyond chance, each slice as much as it likes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.table import Row, Rows
from domain.detection.counts import Counts
from domain.detection.discovery import ALPHA, benjamini_hochberg
from domain.detection.slice_volume import judge_slices
from domain.detection.state import CheckState
from domain.detection.window import grid_until
from domain.recommender.check import Check
from domain.values import Finding, Slice

Floats = npt.NDArray[np.float64]

SEEDS = (1, 2, 3)
HISTORY, NULL_DAYS, WARM_DAYS = 56, 60, 14
VALUES = {"country": 60, "genre": 81}  # (60 + 1) · (81 + 1) − 1 = 5,001 slices of one and of two dimensions
ROWS_A_DAY = 4_000_000
SCATTER = (0.01, 0.04)  # of each cell from day to day, beyond counting: its own, drawn once
WEEKDAYS = np.array([0.95, 0.90, 0.90, 0.95, 1.05, 1.25, 1.20])
SICK_ROWS, SICK_LOSS, SICK_DAYS = 2_000.0, 0.30, 40
MOST_A_DAY, LEAST_POWER = 0.2, 0.95
Z_LIMIT, Z_DAYS = 3.0, 28
END = datetime(2026, 6, 1, tzinfo=UTC)
LEAST_CHANGE = 0.20  # worth a person; a loss of 30 % on a day that chance had raised by 8 % is less than 25 %
CHECK = Check(name="slices", kind="slice_volume", table="impressions", least_change=LEAST_CHANGE)


@dataclass(frozen=True)
class World:
    """(days, countries, genres) rows, and (countries, genres) what a cell holds on average."""

    cells: Floats
    usual: Floats


def world(seed: int, days: int) -> World:
    """A healthy table of so many days."""
    chance = np.random.default_rng(seed)
    shape = tuple(VALUES.values())
    part = np.outer(*(chance.dirichlet(np.full(count, 1.5)) for count in shape))
    part *= chance.lognormal(0, 0.5, shape)
    part /= part.sum()
    weekday = np.arange(days) % 7
    mean = ROWS_A_DAY * WEEKDAYS[weekday] * chance.lognormal(0, 0.04, days) * 1.001 ** np.arange(days)
    cells = mean[:, None, None] * part
    for axis, count in enumerate(shape):
        season = chance.lognormal(0, 0.03, (7, count))[weekday]
        drift = _wander(chance, days, count) + chance.normal(0, 0.01, (days, count))
        cells *= np.expand_dims(season * np.exp(drift), 2 - axis)
    loose = chance.uniform(*SCATTER, shape)  # relative scatter of each cell beyond counting
    rows = chance.poisson(cells * chance.gamma(1 / loose**2, loose**2, cells.shape))
    return World(rows.astype(np.float64), part * ROWS_A_DAY)


def _wander(chance: np.random.Generator, days: int, count: int) -> Floats:
    """Log shares that walk about and come back: half a percent a day, with a memory of a month."""
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
    """What the check is given on `day`: that day and its history."""
    seen = cells[day - HISTORY : day + 1]
    grid = grid_until(END + timedelta(days=day), timedelta(days=1), timedelta(days=HISTORY), ZoneInfo("UTC"))
    return Counts(grid, seen.sum(axis=(1, 2)), flat(seen), names(), np.ones(len(seen), dtype=bool))


@dataclass(frozen=True)
class Walk:
    """One seed: alarms that were raised without a reason, and sick slices that were found in one look."""

    false: list[Finding]
    found: list[bool]
    binomial: int
    z: int


def walked(seed: int) -> Walk:
    """Day after day as live, with what was remembered; and on some days the same look with one slice sick."""
    chance = np.random.default_rng(1_000 + seed)
    healthy = world(seed, HISTORY + WARM_DAYS + NULL_DAYS)
    state, false, found = CheckState(), list[Finding](), list[bool]()
    binomial = z = 0
    tried = set(chance.choice(NULL_DAYS, SICK_DAYS, replace=False))
    for step in range(-WARM_DAYS, NULL_DAYS):
        day = HISTORY + WARM_DAYS + step
        counts = counts_until(healthy.cells, day)
        if step in tried:
            found.append(_found(healthy, counts, day, state, chance))
        verdict = judge_slices(CHECK, counts, state)
        if step >= 0:
            false += [one for one in verdict.findings if one.fingerprint not in state.seen]
            binomial += int(by_binomial(counts).sum())
            z += int(by_z(counts).sum())
        state = verdict.state
    return Walk(false, found, binomial, z)


def _found(healthy: World, counts: Counts, day: int, state: CheckState, chance: np.random.Generator) -> bool:
    """Whether one look names a slice of about 2,000 rows a day, drawn by chance, that lost 30 % today."""
    sick = chance.choice(np.argsort(np.abs(np.log(healthy.usual / SICK_ROWS)), axis=None)[:25])
    country, genre = np.unravel_index(sick, healthy.usual.shape)
    cells = healthy.cells[day - HISTORY : day + 1].copy()
    cells[-1, country, genre] = chance.binomial(int(cells[-1, country, genre]), 1 - SICK_LOSS)
    seen = replace(counts, total=cells.sum(axis=(1, 2)), rows=flat(cells))
    where = (("country", str(country)), ("genre", str(genre)))
    return any(one.slice == where for one in judge_slices(CHECK, seen, state).findings)


def by_binomial(counts: Counts) -> npt.NDArray[np.bool_]:
    """(slices,) alarms of a binomial test against the month's share, Benjamini–Hochberg at 0.05."""
    n = counts.total[-1]
    share = counts.rows[-1 - Z_DAYS : -1].sum(axis=0) / counts.total[-1 - Z_DAYS : -1].sum()
    low = stats.binom.cdf(counts.rows[-1], n, share)
    high = stats.binom.sf(counts.rows[-1] - 1, n, share)
    p_values = np.minimum(1.0, 2 * np.minimum(low, high))
    return benjamini_hochberg(p_values, ALPHA) & _matters(counts.rows[-1], n * share)


def by_z(counts: Counts) -> npt.NDArray[np.bool_]:
    """(slices,) alarms of more than three standard deviations from the month's mean share."""
    share = counts.rows / counts.total[:, None]
    past = share[-1 - Z_DAYS : -1]
    z = (share[-1] - past.mean(axis=0)) / np.maximum(past.std(axis=0, ddof=1), 1e-12)
    far = np.abs(z) > Z_LIMIT
    return np.asarray(far & _matters(counts.rows[-1], past.mean(axis=0) * counts.total[-1]))


def _matters(observed: Floats, expected: Floats) -> npt.NDArray[np.bool_]:
    """The same least change and least rows as the check's own."""
    least = np.maximum(CHECK.least_rows, CHECK.least_change * expected)
    return np.asarray(np.abs(observed - expected) >= least)


def rows(table: Rows, seeds: Sequence[int] = SEEDS) -> Iterator[Row]:
    """False alarms a day and power, and what simpler rules come to on the same days."""
    walks = [walked(seed) for seed in seeds]
    days = NULL_DAYS * len(walks)
    false = [len(walk.false) for walk in walks]
    tried = [one for walk in walks for one in walk.found]
    what = f"{len(names()):,} slices, {NULL_DAYS} healthy days, {len(walks)} seeds"
    yield table.below(
        f"slices: false alarms a day ({what})", sum(false) / days, "a day", MOST_A_DAY, f"by seed {false}"
    )
    yield table.above(
        f"slices: {SICK_LOSS:.0%} lost of a slice of {SICK_ROWS:,.0f} rows a day, named in one look",
        float(np.mean(tried)),
        "of all",
        LEAST_POWER,
        f"{len(tried)} tries",
    )
    beside = f"same days, changes of {LEAST_CHANGE:.0%} and {CHECK.least_rows:.0f} rows or more"
    yield table.told(
        "slices: binomial + Benjamini–Hochberg", sum(w.binomial for w in walks) / days, "a day", beside
    )
    yield table.told("slices: z > 3 of the month's share", sum(w.z for w in walks) / days, "a day", beside)
