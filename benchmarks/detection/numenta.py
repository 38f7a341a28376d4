"""
The series check on the Numenta Anomaly Benchmark's metrics, beside a seasonal z-score and an isolation
forest.

`NAB_DATA` names a folder with the benchmark's `data/` and `labels/combined_windows.json` (else one beside the
project); all series that are in both are used. Every detector sees a row's past alone, has one alarm an
incident by the same rule, and one threshold for all series. That threshold is chosen on the very series that
are scored, as the benchmark does; ours is scored as well at the one it has had before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.detection.nab_score import Floats, Labelled, row_scores, score_at
from benchmarks.detection.peers import isolation, seasonal_z
from benchmarks.table import Row, Rows
from domain.detection.alarm import MARGIN, onsets
from domain.detection.season import DAY
from domain.detection.strain import Past, strains

DATA, BESIDE = "NAB_DATA", Path(__file__).parents[3] / "shared/data/nab"
LABELS = "labels/combined_windows.json"
LEAST = 65.0
ORIENTATION = "on all of its groups: random cut forest 51.7, Skyline 58.2, htmjava 65.5, ARTime 74.9"
MARGINS = np.arange(1.0, 3.01, 0.05)
PEER_SHARES = np.geomspace(1e-5, 0.05, 60)  # of all rows beyond a threshold that is tried

Detector = Callable[["Series"], Floats]


@dataclass(frozen=True)
class Series:
    """One metric of the benchmark: (rows,) its clock in seconds, its values, and the labels."""

    name: str
    seconds: npt.NDArray[np.int64]
    values: Floats
    labelled: Labelled

    @property
    def width(self) -> float:
        """Seconds from a row to the next, as a rule."""
        return max(float(np.median(np.diff(self.seconds))), 1.0)

    @property
    def a_day(self) -> int:
        """Rows of a day."""
        return max(int(DAY // self.width), 1)

    @property
    def group(self) -> str:
        """The folder that it is in."""
        return self.name.partition("/")[0]


def read(folder: Path) -> list[Series]:
    """Every labelled series of the benchmark that is there."""
    windows = json.loads((folder / LABELS).read_text(encoding="utf-8"))
    return [
        _series(folder / "data" / name, name, found)
        for name, found in sorted(windows.items())
        if (folder / "data" / name).is_file()
    ]


def _series(file: Path, name: str, windows: list[list[str]]) -> Series:
    frame = pd.read_csv(file, parse_dates=["timestamp"])
    times = frame["timestamp"].to_numpy().astype("datetime64[us]")
    edges = [[int(np.searchsorted(times, np.datetime64(edge))) for edge in one] for one in windows]
    labelled = Labelled(len(frame), tuple((first, last) for first, last in edges))
    seconds = times.astype("datetime64[s]").astype(np.int64)
    return Series(name, seconds, frame["value"].to_numpy(dtype=np.float64), labelled)


def ours(series: Series) -> Floats:
    """(rows,) the greatest strain of each row."""
    everything = np.ones(len(series.values), dtype=bool)
    past = Past(series.values, series.seconds, series.width, everything)
    return np.asarray(np.max([strain.ratio for strain in strains(past)], axis=0), dtype=np.float64)


def alarms(series: Series, strength: Floats, threshold: float, stands: float) -> Floats:
    """(rows,) 1 where an alarm begins at this threshold, −∞ elsewhere."""
    begun = onsets(strength / stands, series.a_day, threshold / stands)
    told = np.full(len(strength), -np.inf)
    told[begun] = 1.0
    return told


@dataclass(frozen=True)
class Scored:
    """A detector's strengths by series, with the thresholds that are tried."""

    strengths: Mapping[str, Floats]
    thresholds: Floats
    level: float | None = None

    def at(self, every: list[Series], threshold: float) -> float:
        """The normalised score of `every` at one threshold for all."""
        return score_at([one.labelled for one in every], self.alarms(every, threshold), 1.0)

    def best(self, every: list[Series]) -> tuple[float, float]:
        """The best score, and its threshold."""
        return max((self.at(every, float(threshold)), float(threshold)) for threshold in self.thresholds)

    def alarms(self, every: list[Series], threshold: float) -> list[Floats]:
        """(rows,) of each series where its alarms begin."""
        stands = threshold if self.level is None else self.level
        return [alarms(one, self.strengths[one.name], threshold, stands) for one in every]


def scored(every: list[Series], detector: Detector, own: Floats | None = None) -> Scored:
    """A detector over all series; thresholds are quantiles of what it says, where it has none of its own."""
    strengths = {one.name: detector(one) for one in every}
    if own is not None:
        return Scored(strengths, own, 1.0)
    pooled = np.concatenate([values[np.isfinite(values)] for values in strengths.values()])
    return Scored(strengths, np.unique(np.quantile(pooled, 1 - PEER_SHARES)))


def false_alarms(every: list[Series], told: list[Floats]) -> tuple[int, int, float]:
    """Windows found, alarms outside all windows, and the days in which they were raised."""
    found, false, days = 0, 0, 0.0
    for one, says in zip(every, told, strict=True):
        _, window = row_scores(one.labelled)
        begun = np.flatnonzero(np.isfinite(says))
        begun = begun[begun >= one.labelled.probation]
        found += len(set(window[begun].tolist()) - {-1})
        false += int((window[begun] < 0).sum())
        days += (len(says) - one.labelled.probation) * one.width / DAY
    return found, false, days


def rows(table: Rows) -> Iterator[Row]:
    """The benchmark's score of the series check and its peers; where there is no data, a row that says so."""
    folder = Path(os.environ.get(DATA, BESIDE)).resolve()
    if not (folder / LABELS).is_file():
        yield table.not_run("Numenta benchmark", f"{DATA} names no folder with data/ and {LABELS}")
        return
    every = read(folder)
    windows = sum(len(one.labelled.windows) for one in every)
    groups = sorted({one.group for one in every})
    what = f"Numenta benchmark, {len(every)} series of {', '.join(groups)}, {windows} windows"
    mine = scored(every, ours, MARGINS)
    peers = {"seasonal robust z": scored(every, seasonal_z), "isolation forest": scored(every, isolation)}
    beside = "; ".join(f"{name} {one.best(every)[0]:.1f}" for name, one in peers.items())
    score, margin = mine.best(every)
    told = f"{beside}; ours at {margin:.2f} × the return level; {ORIENTATION}"
    yield table.above(f"{what}: threshold chosen on them", score, "of 100", LEAST, told)
    fixed = mine.at(every, MARGIN)
    yield table.above(f"the same, threshold as declared ({MARGIN:g} ×)", fixed, "of 100", LEAST)
    for group in groups if len(groups) > 1 else ():
        part = [one for one in every if one.group == group]
        if not any(one.labelled.windows for one in part):
            continue  # its alarms count in the sum; alone, it has nothing to be won
        said = "; ".join(f"{name} {one.at(part, one.best(every)[1]):.1f}" for name, one in peers.items())
        yield table.told(f"of that, {group}", mine.at(part, MARGIN), "of 100", said)
    found, false, days = false_alarms(every, mine.alarms(every, MARGIN))
    yield table.told(
        f"alarms outside the windows, {found} of {windows} windows found",
        false / days * 7,
        "a week and series",
    )
