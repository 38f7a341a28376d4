"""
Hourly logs with several impressions to a request: does a healthy one page anyone, is a loss found.

Most logs of a recommender are like this, and few of their slices are large: what looks like two hundred rows
an hour is twenty requests, and at night five. Tables on disk, one per world, are walked by `backtest` from
their second day on with a `slice_volume` check, beside a test that treats rows as independent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from benchmarks.table import Row, Rows
from domain.detection.judge.discovery import ALPHA, benjamini_hochberg
from domain.recommender.recommender import Recommender
from workers.checks.backtest import BacktestResult, backtest

SEEDS = (61_207, 18_554, 90_312, 44_871)
TOGETHER = (1, 10, 40)  # impressions of a request
COUNTRIES, DEVICES = ("BR", "DE", "FR", "JP", "US"), ("mobile", "speaker", "tv", "web")
ROWS_AN_HOUR, SWING, DAYS, WARM = 1_700, 0.7, 21, 1
LOST, LOSS, WITHIN = (14, 10), 0.7, timedelta(hours=6)  # day and hour of a loss in one of the larger slices
MOST_A_WEEK, LEAST_FOUND = 1.0, 0.9
BEGIN, HOUR, DAY = datetime(2026, 3, 2, tzinfo=UTC), timedelta(hours=1), timedelta(days=1)
SLICES = tuple(product(COUNTRIES, DEVICES))

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """A seed, how many impressions a request has, and whether a slice loses most of its requests."""

    seed: int
    together: int
    lossy: bool

    def requests(self) -> tuple[Counts, int]:
        """(hours, slices) requests, and the index of the slice that loses most of them."""
        chance = np.random.default_rng((self.seed, self.together))
        share = np.outer(
            chance.dirichlet(np.full(len(COUNTRIES), 3.0)), chance.dirichlet([3.0] * len(DEVICES))
        )
        hours = np.arange(DAYS * 24)
        busy = 1 + SWING * np.sin((hours % 24 - 9) / 24 * 2 * np.pi)
        mean = ROWS_AN_HOUR / self.together * busy[:, None] * share.ravel()
        sick = int(chance.choice(np.argsort(share, axis=None)[-4:]))
        if self.lossy:
            day, hour = LOST
            mean[day * 24 + hour :, sick] *= 1 - LOSS
        return chance.poisson(mean), sick


def walked(world: World) -> tuple[BacktestResult, int, int]:
    """A backtest's result, the sick slice, and the alarms of a binomial test in the same hours."""
    requests, sick = world.requests()
    end = LOST[0] * DAY + LOST[1] * HOUR + WITHIN if world.lossy else DAYS * DAY
    start = LOST[0] * DAY + LOST[1] * HOUR if world.lossy else WARM * DAY
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as folder:
        _written(requests, world.together).to_parquet(Path(folder) / "t.parquet")
        at = {"name": "t", "path": f"{folder}/t.parquet", "time": "at", "window": "1h"}
        table = {**at, "dimensions": ["country", "device"]}
        check = {"name": "slices", "kind": "slice_volume", "table": "t"}
        recommender = Recommender.model_validate(
            {"name": "b", "folder": folder, "tables": {"t": table}, "checks": {"slices": check}}
        )
        result = backtest(recommender, BEGIN + start, BEGIN + end)
    if result.faults:
        raise RuntimeError(f"a look could not be taken: {result.faults[0]}")
    return result, sick, _by_binomial(requests * world.together)


def _written(requests: Counts, together: int) -> pd.DataFrame:
    hour, place = (np.repeat(one.ravel(), requests.ravel()) for one in np.indices(requests.shape))
    second = np.random.default_rng(0).uniform(0, 3_600, len(hour))
    at = pd.Timestamp(BEGIN) + pd.to_timedelta(hour * 3_600 + second, unit="s")
    country, device = (np.array([name[part] for name in SLICES])[place] for part in (0, 1))
    frame = pd.DataFrame({"at": at, "country": country, "device": device})
    return frame.loc[frame.index.repeat(together)]


def _by_binomial(rows: Counts) -> int:
    """Alarms by Benjamini and Hochberg at 0.05 among the pairs, each against its share of the day before."""
    alarms = 0
    for hour in range(WARM * 24, len(rows)):
        past = rows[hour - 24 : hour]
        share, n = past.sum(axis=0) / past.sum(), int(rows[hour].sum())
        low, high = stats.binom.cdf(rows[hour], n, share), stats.binom.sf(rows[hour] - 1, n, share)
        alarms += int(benjamini_hochberg(np.minimum(1.0, 2 * np.minimum(low, high)), ALPHA).sum())
    return alarms


def rows(table: Rows) -> Iterator[Row]:
    """By impressions a request: false incidents a week, and losses found within six hours."""
    worlds = [World(seed, each, lossy) for each in TOGETHER for lossy in (False, True) for seed in SEEDS]
    with ProcessPoolExecutor(2) as pool:
        came = dict(zip(worlds, pool.map(walked, worlds), strict=True))
    for together in TOGETHER:
        quiet = [came[World(seed, together, False)] for seed in SEEDS]
        weeks = len(SEEDS) * (DAYS - WARM) / 7
        of = f"{ROWS_AN_HOUR:,} impressions an hour, {together} a request, 29 slices"
        yield table.below(
            f"{of}: false incidents a week",
            sum(len(result.incidents) for result, _, _ in quiet) / weeks,
            "a week",
            MOST_A_WEEK,
            f"each row for itself, binomial and Benjamini–Hochberg: {sum(n for *_, n in quiet) / weeks:.0f}",
        )
        sick = [came[World(seed, together, True)] for seed in SEEDS]
        yield table.above(
            f"{of}: {LOSS:.0%} lost in one of the four largest pairs, detected within six hours",
            float(np.mean([_detected(result, SLICES[place]) for result, place, _ in sick])),
            "of all",
            LEAST_FOUND,
            f"{len(sick)} losses",
        )


def _detected(result: BacktestResult, sick: tuple[str, str]) -> bool:
    where = {("country", sick[0]), ("device", sick[1])}
    return any(incident.slice and set(incident.slice) <= where for incident in result.incidents)
