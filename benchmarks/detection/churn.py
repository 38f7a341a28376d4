"""
A paper whose articles live for three days: views scatter widely by section, but not by device.

Rows have reader dimensions (steady shares of the whole) and article dimensions (shares that come and go with
a few articles). Tables on disk, one per world, are walked by `backtest` with a `slice_volume` check over
windows of a day: three weeks in which nothing is wrong; and one day on which a device's rows come twice, half
of them are lost, all of a section is hidden on one device, or one country reads two and a half times as much.
The peer is a test that takes each slice's share as normal, with the spread of its own past.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from benchmarks.table import Row, Rows
from domain.detection.judge.discovery import ALPHA, benjamini_hochberg
from domain.recommender.recommender import Recommender
from domain.values import Slice, slice_of
from workers.checks.backtest import BacktestResult, backtest

SEEDS = (31_415, 92_653, 58_979, 32_384, 62_643, 38_327)
BEGIN, DAY = datetime(2026, 3, 2, tzinfo=UTC), timedelta(days=1)
DAYS, WARM, ALIVE = 42, 21, 3
READS_A_DAY, ARTICLES_A_DAY, TOTAL_SCATTER = 2_500, 40, 0.08
READERS = {"country": ("BR", "PT", "AO"), "device": ("web", "android", "ios"), "plan": ("free", "paid")}
ARTICLES = {
    "section": tuple(f"s{n}" for n in range(8)),
    "author": tuple(f"a{n}" for n in range(12)),
    "language": ("pt", "en", "es"),
}
NAMES = (*READERS, *ARTICLES)
PARTS = {"country": (0.62, 0.25, 0.13), "device": (0.4, 0.4, 0.2), "language": (0.8, 0.12, 0.08)}
MOST_A_WEEK, LEAST_FOUND = 0.2, 0.9
FAULTS = ("doubled", "halved", "hidden", "crowd")

Counts = npt.NDArray[Any]


@dataclass(frozen=True)
class World:
    """A seed, and what is wrong on the last day."""

    seed: int
    fault: str | None

    @property
    def truth(self) -> Slice:
        """The slice that is at fault."""
        device = READERS["device"][self.seed % 3]
        return {
            "doubled": slice_of(device=device),
            "halved": slice_of(device=device),
            "hidden": slice_of(device=READERS["device"][self.seed % 2], section=ARTICLES["section"][0]),
            "crowd": slice_of(country=READERS["country"][0]),
        }[str(self.fault)]

    def read(self) -> pd.DataFrame:
        """All rows."""
        chance = np.random.default_rng(self.seed)
        alive, days = list[pd.DataFrame](), list[pd.DataFrame]()
        for day in range(DAYS):
            alive = [*alive[1 - ALIVE :], _published(chance)]
            articles = pd.concat(alive, ignore_index=True)
            count = chance.poisson(READS_A_DAY * chance.lognormal(0, TOTAL_SCATTER))
            worth = articles["worth"].to_numpy()
            rows = articles.iloc[chance.choice(len(articles), count, p=worth / worth.sum())]
            rows = rows.drop(columns="worth").reset_index(drop=True)
            for name, values in READERS.items():
                rows[name] = chance.choice(values, count, p=PARTS.get(name))
            at = BEGIN + day * DAY + pd.to_timedelta(chance.uniform(0, 86_400, count), unit="s")
            days.append(rows.assign(at=at))
        days[-1] = self._struck(days[-1])
        return pd.concat(days, ignore_index=True)

    def _struck(self, rows: pd.DataFrame) -> pd.DataFrame:
        if self.fault is None:
            return rows
        there = np.all([rows[name] == value for name, value in self.truth], axis=0)
        mine = rows[there]
        left: pd.DataFrame = rows[~there]
        match self.fault:
            case "hidden":
                return left
            case "halved":
                return pd.concat([left, mine.sample(frac=0.5, random_state=1)])
            case "doubled":
                return pd.concat([rows, mine])
            case _:
                return pd.concat([rows, mine, mine.sample(frac=0.5, random_state=1)])


def _published(chance: np.random.Generator) -> pd.DataFrame:
    count = chance.poisson(ARTICLES_A_DAY)
    drawn = {name: chance.choice(values, count, p=PARTS.get(name)) for name, values in ARTICLES.items()}
    return pd.DataFrame(drawn).assign(worth=chance.lognormal(0, 1.0, count))


def walked(world: World) -> tuple[BacktestResult, list[Slice] | int]:
    """A backtest's result; and what the peer alarms for on the last day, or how often in quiet weeks."""
    rows = world.read()
    start = WARM * DAY if world.fault is None else (DAYS - 1) * DAY
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as folder:
        rows.to_parquet(Path(folder) / "reads.parquet")
        at = {"name": "reads", "path": f"{folder}/reads.parquet", "time": "at", "window": "1d"}
        table = {**at, "dimensions": list(NAMES)}
        check = {"name": "slices", "kind": "slice_volume", "table": "reads"}
        recommender = Recommender.model_validate(
            {"name": "paper", "folder": folder, "tables": {"reads": table}, "checks": {"slices": check}}
        )
        result = backtest(recommender, BEGIN + start, BEGIN + DAYS * DAY)
    if result.faults:
        raise RuntimeError(f"a look could not be taken: {result.faults[0]}")
    names, counts = _counted(rows)
    if world.fault is None:
        return result, sum(len(_by_own_past(names, counts, day)) for day in range(WARM, DAYS))
    return result, _by_own_past(names, counts, DAYS - 1)


def _counted(rows: pd.DataFrame) -> tuple[list[Slice], Counts]:
    """The slices of one and of two dimensions, and (days, slices) rows."""
    day, names, counts = (rows["at"] - BEGIN) // DAY, list[Slice](), list[Counts]()
    for by in (*combinations(NAMES, 1), *combinations(NAMES, 2)):
        for values, one in rows.groupby([rows[name] for name in by]):
            names.append(slice_of(**dict(zip(by, map(str, values), strict=True))))
            counts.append(day[one.index].value_counts().reindex(range(DAYS), fill_value=0).to_numpy())
    return names, np.column_stack(counts)


def _by_own_past(names: list[Slice], counts: Counts, day: int) -> list[Slice]:
    """Slices whose share is further from its 21-day mean than chance explains, by its deviation there."""
    total = counts[:, [place for place, name in enumerate(names) if len(name) == 1]].sum(axis=1) / len(NAMES)
    share = counts / total[:, None]
    past = share[day - WARM : day]
    off = (share[day] - past.mean(axis=0)) / np.maximum(past.std(axis=0, ddof=1), 1e-9)
    rejected = benjamini_hochberg(2 * stats.norm.sf(np.abs(off)), ALPHA)
    return [names[place] for place in np.flatnonzero(rejected)]


def rows(table: Rows) -> Iterator[Row]:
    """False incidents a week, and for each fault how often it is the first slice named on its day."""
    worlds = [World(seed, fault) for fault in (None, *FAULTS) for seed in SEEDS]
    with ProcessPoolExecutor(2) as pool:
        came = dict(zip(worlds, pool.map(walked, worlds), strict=True))
    quiet = [came[World(seed, None)] for seed in SEEDS]
    weeks = len(SEEDS) * (DAYS - WARM) / 7
    alarms = sum(int(count) for _, count in quiet if isinstance(count, int))
    yield table.below(
        "articles that live three days, windows of a day: false incidents a week",
        sum(len(result.incidents) for result, _ in quiet) / weeks,
        "a week",
        MOST_A_WEEK,
        f"each share by its own mean and deviation, Benjamini–Hochberg: {alarms / weeks:.0f} slices",
    )
    said = {
        "doubled": "the rows of a device twice",
        "halved": "half of a device's rows lost",
        "hidden": "a section hidden on a device",
        "crowd": "a country reads 2.5 times as much",
    }
    for fault in FAULTS:
        cases = [(World(seed, fault), *came[World(seed, fault)]) for seed in SEEDS]
        first = [bool(found.incidents) and found.incidents[0].slice == one.truth for one, found, _ in cases]
        others = [len(slices) for *_, slices in cases if not isinstance(slices, int)]
        yield table.above(
            f"{said[fault]}, named first on that day",
            float(np.mean(first)),
            "of all",
            LEAST_FOUND,
            f"{len(cases)} worlds; slices that the same test alarms for: {np.median(others):.0f}",
        )
