"""
The series check on production metrics of cloud services whose anomalous points were labelled by their owners.

`CLOUD_MONITORING_DATA` names a folder with `series.csv` and `series/GROUP/NAME.csv` (`time, value, anomaly`),
else one beside the project. Consecutive labelled points are one anomaly. An anomaly is found where an
incident began in one of its windows, and an incident is false where it began in no anomaly's window: one that
never ends finds nothing. Ours goes through `recsysops backtest` at its own threshold; each peer gets its best
threshold, one for all metrics, chosen on the very series that are scored.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.detection.monitored import Monitored, Opened, opened, set_aside, walked
from benchmarks.detection.nab_score import Floats
from benchmarks.detection.peers import isolation, seasonal_z
from benchmarks.table import Row, Rows

DATA, BESIDE = "CLOUD_MONITORING_DATA", Path(__file__).parents[3] / "shared/data/cloud_monitoring"
LEAST_F1, MOST_FALSE, MOST_FALSE_WITHOUT = 0.55, 0.05, 0.03
PEER_SHARES = np.geomspace(1e-4, 0.1, 60)  # shares of all rows beyond a threshold that is tried


@dataclass(frozen=True)
class Labelled:
    """A metric with its anomalies, (n, 2) seconds [begun, ended)."""

    metric: Monitored
    anomalies: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """Anomalies and how many were found, incidents and how many were false, over how many days of metrics."""

    anomalies: int
    found: int
    incidents: int
    false: int
    days: float

    @property
    def f1(self) -> float:
        """F1 over the anomalies found and the incidents that were right."""
        recall = self.found / max(self.anomalies, 1)
        precision = (self.incidents - self.false) / max(self.incidents, 1)
        return 2 * recall * precision / max(recall + precision, 1e-9)

    @property
    def false_a_day(self) -> float:
        """False incidents per metric and day."""
        return self.false / max(self.days, 1e-9)

    def words(self) -> str:
        """The figures in words."""
        right = self.incidents - self.false
        return f"{self.found} of {self.anomalies} found, {right} of {self.incidents} incidents right"


def read(folder: Path) -> list[Labelled]:
    """Every labelled series in the folder; rows at the same time are averaged."""
    listed = pd.read_csv(folder / "series.csv")
    return [
        _labelled(folder / "series" / name, name, step)
        for name, step in listed[["series", "step_seconds"]].values
    ]


def _labelled(file: Path, name: str, step: float) -> Labelled:
    frame = pd.read_csv(file, parse_dates=["time"])
    frame["at"] = frame["time"].dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    by = frame.groupby("at").agg(value=("value", "mean"), anomaly=("anomaly", "max"))
    seconds, marks = by.index.to_numpy(dtype=np.int64), by["anomaly"].to_numpy() > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(int), [0]]))).reshape(-1, 2)
    anomalies = np.column_stack([seconds[edges[:, 0]], seconds[edges[:, 1] - 1] + step]).astype(np.float64)
    return Labelled(Monitored(name, seconds, by["value"].to_numpy(dtype=np.float64)), anomalies)


def counted(every: Sequence[Labelled], by_series: Sequence[Sequence[Opened]]) -> Counted:
    """Scores the incidents of each series."""
    sums, days = np.zeros(4, dtype=int), 0.0
    for one, incidents in zip(every, by_series, strict=True):
        met = np.array(
            [[begin < span.opened <= end for begin, end in one.anomalies] for span in incidents]
        ).reshape(len(incidents), len(one.anomalies))
        sums += [len(one.anomalies), met.any(axis=0).sum(), len(incidents), (~met.any(axis=1)).sum()]
        days += one.metric.days
    anomalies, found, opened, false = (int(one) for one in sums)
    return Counted(anomalies, found, opened, false, days)


def best_of(every: Sequence[Labelled], scores: Sequence[Floats], most_false: float) -> Counted:
    """The best F1 that one threshold for all reaches, with no more false alarms than these."""
    pooled = np.concatenate([one[np.isfinite(one)] for one in scores])
    tried = (
        counted(
            every, [opened(one.metric, score, float(at)) for one, score in zip(every, scores, strict=True)]
        )
        for at in np.unique(np.quantile(pooled, 1 - PEER_SHARES))
        if at > 0
    )
    return max((one for one in tried if one.false_a_day <= most_false), key=lambda one: one.f1)


def rows(table: Rows) -> Iterator[Row]:
    """F1 and false alarms of the series check and its peers; without the data, a row that says so."""
    folder = Path(os.environ.get(DATA, BESIDE)).resolve()
    if not (folder / "series.csv").is_file():
        yield table.not_run("cloud monitoring", f"{DATA} names no folder with series.csv and series/")
        return
    every = read(folder)
    by_series = walked([one.metric for one in every])
    ours = counted(every, by_series)
    what = f"cloud monitoring, {len(every)} series, {ours.anomalies} anomalies, by recsysops backtest"
    yield table.above(f"{what}: F1", ours.f1, "F1", LEAST_F1, f"{ours.words()}; {_peers(every)}")
    yield table.below("its false incidents", ours.false_a_day, "a series and day", MOST_FALSE)
    without = [place for place, one in enumerate(every) if not len(one.anomalies)]
    quiet = counted([every[place] for place in without], [by_series[place] for place in without])
    work = f"the same in {len(without)} series without an anomaly"
    yield table.below(work, quiet.false_a_day, "a series and day", MOST_FALSE_WITHOUT)
    aside = set_aside([one.metric.name for one in every])
    kept = [place for place, one in enumerate(every) if one.metric.name in aside]
    part = counted([every[place] for place in kept], [by_series[place] for place in kept])
    says = f"{part.words()}, {part.false_a_day:.3f} false a series and day"
    yield table.without_goal(f"of that, {len(kept)} series set aside while it was built", part.f1, "F1", says)


def _peers(every: Sequence[Labelled]) -> str:
    said = []
    for name, detector in (("isolation forest", isolation), ("seasonal robust z", seasonal_z)):
        scores = [detector(_filled(one.metric)) for one in every]
        best, same = (best_of(every, scores, most) for most in (np.inf, MOST_FALSE))
        said.append(
            f"{name} at its best threshold {best.f1:.2f} ({best.false_a_day:.2f} false a series and day), "
            f"with ours false {same.f1:.2f}"
        )
    return "; ".join(said)


def _filled(metric: Monitored) -> Monitored:
    """The metric without gaps, which a forest does not accept: the last value is carried forward."""
    values = np.asarray(pd.Series(metric.values).ffill().bfill(), dtype=np.float64)
    return Monitored(metric.name, metric.seconds, values)
