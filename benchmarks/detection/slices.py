"""
Five thousand slices day after day: does a healthy table page anyone, is a sick slice found.

`slices_world` says how the table scatters, and how that is known. The seeds were drawn at random, and the
method was made on others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.detection.slices_world import HISTORY, Floats, Kind, World, counts_until, flat, names, world
from benchmarks.table import Row, Rows
from domain.detection.data.counts import Counts
from domain.detection.judge.counts.by_slice import judge_slices
from domain.detection.judge.discovery import ALPHA, benjamini_hochberg
from domain.detection.judge.state import CheckState
from domain.recommender.check import Check

SEEDS = (91_706, 73_367, 48_634)
PROCESSES = 2
NULL_DAYS, WARM_DAYS = 60, 14
KINDS = {
    "days alike": Kind(),
    "4 % a value and day": Kind(shared=0.04),
    "8 % a value and day": Kind(shared=0.08),
}
OTHER_KINDS = {
    "8 % a value, heavy tails": Kind(shared=0.08, tail=3.0),
    "season of 15 %, trend of 1 % a day": Kind(shared=0.02, season=0.15, trend=0.01),
    "4 % each slice its own": Kind(own=0.04),
    "8 % each slice its own": Kind(own=0.08),
}
LEFT_OUT = "without a goal: more than was measured anywhere"
SICK_ROWS, SICK_LOSS, SICK_DAYS = 2_000.0, 0.30, 40
MOST_A_DAY, LEAST_POWER = 0.2, 0.95
Z_LIMIT, Z_DAYS = 3.0, 28
LEAST_CHANGE = 0.20  # to find a loss of 30 %, declare less: on half of all such days it looks like less
CHECK = Check(name="slices", kind="slice_volume", table="impressions", least_change=LEAST_CHANGE)


@dataclass(frozen=True)
class Walk:
    """
    One seed: alarms raised without a reason, and sick slices found in one look.

    `known` says which of them somebody would have found at `MOST_A_DAY` who knew what each slice
    should hold and how it scatters; `binomial` and `z` are the alarms of simpler rules.
    """

    false: int
    found: list[bool]
    known: list[bool]
    binomial: int
    z: int


def walked(kind: Kind, seed: int) -> Walk:
    """Walks day after day as live, with its memory; on some days also the same look with one slice sick."""
    chance = np.random.default_rng((1, seed))
    healthy = world(seed, HISTORY + WARM_DAYS + NULL_DAYS, kind)
    state, false, found, known = CheckState(), 0, list[bool](), list[bool]()
    binomial = z = 0
    tried = set(chance.choice(NULL_DAYS, SICK_DAYS, replace=False))
    for step in range(-WARM_DAYS, NULL_DAYS):
        day = HISTORY + WARM_DAYS + step
        counts = counts_until(healthy.cells, day)
        if step in tried:
            country, genre, left = _sickened(healthy, day, chance)
            found.append(_found(healthy, counts, day, state, (country, genre, left)))
            known.append(_surprising(healthy, healthy.foreseen[day, country, genre], left))
        verdict = judge_slices(CHECK, counts, state)
        if step >= 0:
            false += sum(one.fingerprint not in state.seen for one in verdict.findings)
            binomial += int(by_binomial(counts).sum())
            z += int(by_z(counts).sum())
        state = verdict.state
    return Walk(false, found, known, binomial, z)


def _sickened(healthy: World, day: int, chance: np.random.Generator) -> tuple[int, int, int]:
    """A random slice of about 2,000 rows a day, and how many rows it keeps that day."""
    sick = chance.choice(np.argsort(np.abs(np.log(healthy.usual / SICK_ROWS)), axis=None)[:25])
    country, genre = np.unravel_index(sick, healthy.usual.shape)
    left = chance.binomial(int(healthy.cells[day, country, genre]), 1 - SICK_LOSS)
    return int(country), int(genre), int(left)


def _found(healthy: World, counts: Counts, day: int, state: CheckState, sick: tuple[int, int, int]) -> bool:
    """Whether one look names the sick slice."""
    country, genre, left = sick
    cells = healthy.cells[day - HISTORY : day + 1].copy()
    cells[-1, country, genre] = left
    seen = replace(counts, total=cells.sum(axis=(1, 2)), rows=flat(cells))
    where = (("country", str(country)), ("genre", str(genre)))
    return any(one.slice == where for one in judge_slices(CHECK, seen, state).findings)


def _surprising(healthy: World, mean: float, left: int) -> bool:
    """Whether so few rows are as rare as `MOST_A_DAY` among all slices allows, if everything is known."""
    variance = float(healthy.variance(np.array(mean)))
    size = mean**2 / (variance - mean)
    return bool(2 * stats.nbinom.cdf(left, size, mean / variance) <= MOST_A_DAY / len(names()))


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
    """The check's own least change and least rows."""
    least = np.maximum(CHECK.least_rows, CHECK.least_change * expected)
    return np.asarray(np.abs(observed - expected) >= least)


def rows(table: Rows, seeds: Sequence[int] = SEEDS) -> Iterator[Row]:
    """False alarms a day and power by how much days differ, and the figures of simpler rules."""
    asked = [(name, kind, seed) for name, kind in KINDS.items() for seed in seeds]
    asked += [(name, kind, seeds[0]) for name, kind in OTHER_KINDS.items()]
    walks: dict[str, list[Walk]] = {}
    with ProcessPoolExecutor(PROCESSES) as pool:
        pending = [(name, seed, pool.submit(walked, kind, seed)) for name, kind, seed in asked]
        for done, (name, seed, walk) in enumerate(pending, 1):
            walks.setdefault(name, []).append(walk.result())
            print(f"slices: {done} of {len(asked)} walks, {name}, seed {seed}", flush=True)
    yield from _goal(table, {name: walks[name] for name in KINDS})
    for name in OTHER_KINDS:
        yield from _beside(table, name, walks[name])


def _goal(table: Rows, walks: dict[str, list[Walk]]) -> Iterator[Row]:
    for name, some in walks.items():
        days = NULL_DAYS * len(some)
        false = [walk.false for walk in some]
        what = f"slices, {name}"
        yield table.below(
            f"{what}: false alarms a day ({len(names()):,} slices, {NULL_DAYS} days, {len(some)} seeds)",
            sum(false) / days,
            "a day",
            MOST_A_DAY,
            f"by seed {false}; binomial + Benjamini–Hochberg {sum(w.binomial for w in some) / days:.1f} "
            f"a day; z > {Z_LIMIT:g} of the month's share {sum(w.z for w in some) / days:.1f} a day",
        )
        tried, known = _shares(some)
        yield table.above(
            f"{what}: {SICK_LOSS:.0%} lost of a slice of {SICK_ROWS:,.0f} rows a day, named in one look",
            tried,
            "of all",
            LEAST_POWER,
            f"{SICK_DAYS * len(some)} tries; who knows every slice's mean and scatter: {known:.2f}",
        )


def _beside(table: Rows, name: str, some: list[Walk]) -> Iterator[Row]:
    tried, known = _shares(some)
    false = sum(walk.false for walk in some) / (NULL_DAYS * len(some))
    yield table.without_goal(
        f"slices, {name}: the same loss named ({LEFT_OUT})",
        tried,
        "of all",
        f"{false:.2f} false alarms a day; who knows every slice's mean and scatter: {known:.2f}",
    )


def _shares(some: list[Walk]) -> tuple[float, float]:
    """The share of tries found, and the share that somebody who knew everything would have found."""
    found = float(np.mean([walk.found for walk in some]))
    return found, float(np.mean([walk.known for walk in some]))
