"""
Losses that no single day shows: days until they are detected, and false alarms where nothing was lost.

Tables on disk, one per world, are walked by `backtest` with a `volume` check; a strong weekday season, counts
with a Poisson's variance and with one and a half times that. Beside it is a CUSUM that in hindsight is given
all it asks for: the size of the loss it is best for, and the threshold at which it raises as many false
alarms in the same healthy tables as the check did (or, where that was less, as many as the check declares).
Its weekday means are those of the sixteen weeks before, as the check's are. What is not detected within
ten weeks counts as detected then.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.table import Row, Rows
from domain.detection.judge.discovery import FALSE_ALARMS_PER_WEEK
from domain.recommender.recommender import Recommender
from workers.checks.backtest import backtest

SEEDS = (40_961, 18_257, 77_713)
WEEKDAYS = np.array([0.95, 0.70, 0.68, 0.75, 0.92, 1.50, 1.50])
LEVELS, LOSSES, DISPERSIONS = (5.0, 15.0, 50.0), (0.20, 0.40, 0.60), (1.0, 1.5)
HISTORY, LOST, HEALTHY = 112, 70, 364  # days of history, of a loss, and of a table without one
TABLES, HEALTHY_TABLES = 4, 3  # per seed, of each kind
LEAST_CHANGE = 0.1  # to detect a loss of 20 %, declare less: half of all such losses look like less
START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
MOST_TIMES = 1.2
HALVINGS = 24
RATIOS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Rows a day, their variance relative to a Poisson's, and the share lost from one day on (0: none)."""

    level: float
    dispersion: float
    loss: float = 0.0


def counts_of(case: Case, seed: int, tables: int, days: int) -> Floats:
    """(tables, HISTORY + days) rows; losses come after the history."""
    chance = np.random.default_rng((seed, int(case.level), int(10 * case.dispersion), int(100 * case.loss)))
    mean = case.level * WEEKDAYS[np.arange(HISTORY + days) % 7] * np.ones((tables, 1))
    mean[:, HISTORY:] *= 1 - case.loss
    if case.dispersion == 1.0:
        return chance.poisson(mean).astype(np.float64)
    beyond = case.dispersion - 1
    return chance.negative_binomial(mean / beyond, 1 / case.dispersion).astype(np.float64)


def opened_on(rows: Floats) -> list[list[int]]:
    """By table, the days after the history on which an incident was opened, each in a backtest of its own."""
    return [_walked(counts) for counts in rows]


def _walked(counts: Floats) -> list[int]:
    """Walks one table alone: several that lose rows on one day would share one incident."""
    days = len(counts)
    check = {
        "name": "rows",
        "kind": "volume",
        "table": "t",
        "direction": "drop",
        "least_change": LEAST_CHANGE,
        "least_rows": 0.0,
    }
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as folder:
        path = Path(folder) / "t.parquet"
        day = np.repeat(np.arange(days), counts.astype(int))
        within = np.concatenate([(np.arange(n) + 0.5) / max(n, 1) for n in counts])
        at = pd.Timestamp(START) + pd.to_timedelta(day + within, unit="D")
        pd.DataFrame({"at": at}).to_parquet(path)
        table = {"name": "t", "path": str(path), "time": "at", "window": "1d"}
        recommender = Recommender.model_validate(
            {"name": "b", "folder": folder, "tables": {"t": table}, "checks": {"rows": check}}
        )
        result = backtest(recommender, START + HISTORY * DAY, START + days * DAY)
    if result.faults:
        raise RuntimeError(f"a look could not be taken: {result.faults[0]}")
    return [(incident.opened_at - START) // DAY - HISTORY for incident in result.incidents]


def cusum(rows: Floats, ratio: float, limit: float) -> list[list[int]]:
    """By table, the days on which a CUSUM for a fall to `ratio` reaches `limit`; it then starts afresh."""
    before, after = rows[:, :HISTORY], rows[:, HISTORY:]
    usual = np.stack([before[:, place::7].mean(axis=1) for place in range(7)], axis=1)
    mean = usual[:, np.arange(HISTORY, rows.shape[1]) % 7]
    steps = after * np.log(ratio) + mean * (1 - ratio)
    alarms: list[list[int]] = [[] for _ in rows]
    held = np.zeros(len(rows))
    for day in range(after.shape[1]):
        held = np.maximum(held + steps[:, day], 0.0)
        for place in np.flatnonzero(held >= limit):
            alarms[place].append(day + 1)
            held[place] = 0.0
    return alarms


def tuned(healthy: Floats, lossy: Floats, a_week: float) -> tuple[float, float]:
    """Mean days until a CUSUM alarms, at its best ratio and `a_week` false alarms a week; and that ratio."""
    best = (float("inf"), 0.0)
    weeks = healthy[:, HISTORY:].size / 7
    for ratio in RATIOS:
        low, high = 0.1, 60.0
        for _halving in range(HALVINGS):
            middle = (low + high) / 2
            often = sum(map(len, cusum(healthy, ratio, middle))) / weeks > a_week
            low, high = (middle, high) if often else (low, middle)
        best = min(best, (days_until(cusum(lossy, ratio, high)), ratio))
    return best


def days_until(alarms: list[list[int]]) -> float:
    """Mean days until the first alarm; a table without one counts as if it came at the end."""
    return float(np.mean([min(first[:1] or [LOST], default=LOST) for first in alarms]))


def rows(table: Rows) -> Iterator[Row]:
    """False alarms a week in healthy tables, and by size of count and loss the days beside a CUSUM's."""
    yield from measured(table, SEEDS)


def measured(table: Rows, seeds: tuple[int, ...]) -> Iterator[Row]:
    """The rows, from these seeds."""
    healthy = {
        (level, dispersion): _stacked(Case(level, dispersion), seeds, HEALTHY_TABLES, HEALTHY)
        for level, dispersion in product(LEVELS, DISPERSIONS)
    }
    false = {case: sum(map(len, opened_on(counts))) for case, counts in healthy.items()}
    weeks = sum(counts[:, HISTORY:].size for counts in healthy.values()) / 7
    a_week = sum(false.values()) / weeks
    yield table.below(
        f"slow losses: false alarms a week of a healthy table ({weeks:.0f} weeks, all sizes)",
        a_week,
        "a week",
        FALSE_ALARMS_PER_WEEK,
        "; ".join(f"{level:g} a day × {dispersion:g}: {n}" for (level, dispersion), n in false.items()),
    )
    allowed = a_week or 1 / weeks  # none at all in that time: a CUSUM that raises one
    for level, loss in product(LEVELS, LOSSES):
        yield _beside(table, level, loss, seeds, healthy, allowed)


def _beside(
    table: Rows,
    level: float,
    loss: float,
    seeds: tuple[int, ...],
    healthy: dict[tuple[float, float], Floats],
    allowed: float,
) -> Row:
    ours, theirs, words = list[float](), list[float](), list[str]()
    for dispersion in DISPERSIONS:
        lossy = _stacked(Case(level, dispersion, loss), seeds, TABLES, LOST)
        found = opened_on(lossy)
        days, ratio = tuned(healthy[level, dispersion], lossy, allowed)
        declared, _ratio = tuned(healthy[level, dispersion], lossy, FALSE_ALARMS_PER_WEEK)
        ours.append(days_until(found))
        theirs.append(days)
        words.append(
            f"× {dispersion:g}: {ours[-1]:.1f} days, {np.mean([bool(one) for one in found]):.0%} detected; "
            f"CUSUM for {ratio:g} {days:.1f} days ({declared:.1f} at the declared rate)"
        )
    return table.below(
        f"slow losses: {loss:.0%} of {level:g} rows a day, "
        "days until detected over a CUSUM's tuned in hindsight",
        float(np.sum(ours) / np.sum(theirs)),
        "times",
        MOST_TIMES,
        "; ".join(words),
    )


def _stacked(case: Case, seeds: tuple[int, ...], tables: int, days: int) -> Floats:
    return np.vstack([counts_of(case, seed, tables, days) for seed in seeds])
