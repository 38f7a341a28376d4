"""
The series check on the Numenta Anomaly Benchmark's metrics, beside a seasonal z-score and an isolation
forest.

`NAB_DATA` names a folder with the benchmark's `data/` and `labels/combined_windows.json` (else one beside the
project); all series in both are used. Ours goes through `recsysops backtest` at its own threshold, declared
as a user would. The peers also see only a row's past and have one alarm an incident by the same rule; their
threshold is the best one, chosen on the very series that are scored, as the benchmark does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.detection.monitored import Monitored, Opened, opened, set_aside, walked
from benchmarks.detection.nab_score import Floats, Labelled, row_scores, score_at
from benchmarks.detection.peers import isolation, seasonal_z
from benchmarks.table import Row, Rows
from domain.detection.expect.season import DAY

DATA, BESIDE = "NAB_DATA", Path(__file__).parents[3] / "shared/data/nab"
LABELS = "labels/combined_windows.json"
LEAST, MOST_FALSE = 65.0, 0.08
ORIENTATION = "on all of its groups: random cut forest 51.7, Skyline 58.2, htmjava 65.5, ARTime 74.9"
PEER_SHARES = np.geomspace(1e-5, 0.05, 60)  # shares of all rows beyond a threshold that is tried

Detector = Callable[[Monitored], Floats]


@dataclass(frozen=True)
class Series:
    """One metric of the benchmark, and its labels."""

    metric: Monitored
    labelled: Labelled

    @property
    def group(self) -> str:
        """The folder it is in."""
        return self.metric.name.partition("/")[0]

    def alarms(self, incidents: Sequence[Opened]) -> Floats:
        """(rows,) 1 at the last row already there when an incident was opened, −∞ elsewhere."""
        begun = np.full(self.labelled.rows, -np.inf)
        for span in incidents:
            begun[max(int(np.searchsorted(self.metric.seconds, span.opened)) - 1, 0)] = 1.0
        return begun


def read(folder: Path) -> list[Series]:
    """Every labelled series of the benchmark that is available."""
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
    return Series(Monitored(name, seconds, frame["value"].to_numpy(dtype=np.float64)), labelled)


def score(every: Sequence[Series], by_series: Sequence[Sequence[Opened]]) -> float:
    """The benchmark's normalised score of the incidents of each series."""
    alarms = [one.alarms(incidents) for one, incidents in zip(every, by_series, strict=True)]
    return score_at([one.labelled for one in every], alarms, 1.0)


def best_of(every: Sequence[Series], detector: Detector) -> tuple[float, float]:
    """A peer's best score at one threshold for all series, and its false alarms there per series and day."""
    scores = [detector(one.metric) for one in every]
    pooled = np.concatenate([values[np.isfinite(values)] for values in scores])
    tried = []
    for at in np.unique(np.quantile(pooled, 1 - PEER_SHARES)):
        by_series = [
            opened(one.metric, values, max(float(at), 1e-9))
            for one, values in zip(every, scores, strict=True)
        ]
        tried.append((score(every, by_series), false_alarms(every, by_series)[1]))
    return max(tried)


def false_alarms(every: Sequence[Series], by_series: Sequence[Sequence[Opened]]) -> tuple[int, float]:
    """Windows found, and alarms outside all windows, per series and day."""
    found, false, days = 0, 0, 0.0
    for one, incidents in zip(every, by_series, strict=True):
        _, window = row_scores(one.labelled)
        begun = np.flatnonzero(np.isfinite(one.alarms(incidents)))
        begun = begun[begun >= one.labelled.probation]
        found += len(set(window[begun].tolist()) - {-1})
        false += int((window[begun] < 0).sum())
        days += (one.labelled.rows - one.labelled.probation) * one.metric.width / DAY
    return found, false / days


def rows(table: Rows) -> Iterator[Row]:
    """The benchmark's score of the series check and its peers; where there is no data, a row that says so."""
    folder = Path(os.environ.get(DATA, BESIDE)).resolve()
    if not (folder / LABELS).is_file():
        yield table.not_run("Numenta benchmark", f"{DATA} names no folder with data/ and {LABELS}")
        return
    every = read(folder)
    by_series = walked([one.metric for one in every])
    windows = sum(len(one.labelled.windows) for one in every)
    what = f"Numenta benchmark, {len(every)} series, {windows} windows, by recsysops backtest"
    peers = (("seasonal robust z", seasonal_z), ("isolation forest", isolation))
    best = ((name, *best_of(every, detector)) for name, detector in peers)
    beside = "; ".join(f"{name} {one:.1f} at {false:.2f} false a series and day" for name, one, false in best)
    yield table.above(what, score(every, by_series), "of 100", LEAST, f"{beside}; {ORIENTATION}")
    found, false = false_alarms(every, by_series)
    work = f"alarms outside the windows, {found} of {windows} windows found"
    yield table.below(work, false, "a series and day", MOST_FALSE)
    aside = set_aside([one.metric.name for one in every])
    parts = [("set aside while it was built", [one.metric.name in aside for one in every])]
    parts += [
        (group, [one.group == group for one in every]) for group in sorted({one.group for one in every})
    ]
    for name, chosen in parts:
        part = [one for one, there in zip(every, chosen, strict=True) if there]
        if any(one.labelled.windows for one in part):
            inside = [one for one, there in zip(by_series, chosen, strict=True) if there]
            says = f"{false_alarms(part, inside)[1]:.2f} false a series and day"
            yield table.without_goal(
                f"of that, {len(part)} series {name}", score(part, inside), "of 100", says
            )
