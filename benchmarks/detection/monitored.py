"""
Metrics of other people's services, walked through `recsysops backtest` as a user would declare them.

Each is a table of its own with one check of kind `series` and nothing else declared: one threshold for all,
the check's own. The result is which incidents would have been opened, gone on and ended.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.detection.nab_score import Floats
from domain.detection.expect.season import DAY
from domain.detection.judge.series.alerting import onsets
from workers.checks.backtest import backtest
from workers.declaration.declare import load

DECLARED = """\
[recommender]
name = "monitored"

[tables.metric]
path = "metric.csv"
time = "time"
window = "{minutes}m"

[checks.metric]
kind = "series"
table = "metric"
measure = "value"
aggregate = "mean"
"""


@dataclass(frozen=True)
class Monitored:
    """One metric: (rows,) its times in seconds and its values, NaN where it has none."""

    name: str
    seconds: npt.NDArray[np.int64]
    values: Floats

    @property
    def width(self) -> float:
        """Seconds from one row to the next, typically."""
        return max(float(np.median(np.diff(self.seconds))), 1.0)

    @property
    def a_day(self) -> int:
        """Rows a day."""
        return max(int(DAY // self.width), 1)

    @property
    def days(self) -> float:
        """How many days it covers."""
        return float(self.seconds[-1] - self.seconds[0] + self.width) / DAY


@dataclass(frozen=True)
class Opened:
    """An incident by when it was opened, in seconds: the end of the first window in which it was found."""

    opened: float


def walked(every: Sequence[Monitored]) -> list[list[Opened]]:
    """The incidents of each metric, as `recsysops backtest` opens and ends them; one process a core."""
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        return list(pool.map(_walked, every))


def _walked(metric: Monitored) -> list[Opened]:
    with TemporaryDirectory(prefix="recsysops-benchmark-") as place:
        folder = Path(place)
        minutes = round(metric.width / 60)
        (folder / "recsysops.toml").write_text(DECLARED.format(minutes=minutes), encoding="utf-8")
        times = pd.to_datetime(metric.seconds, unit="s", utc=True).strftime("%Y-%m-%d %H:%M:%S+00:00")
        frame = pd.DataFrame({"time": times, "value": metric.values})
        frame.to_csv(folder / "metric.csv", index=False)
        first, last = (datetime.fromtimestamp(int(metric.seconds[place]), UTC) for place in (0, -1))
        result = backtest(load(folder), first, last + 2 * timedelta(minutes=minutes))
    if result.faults:
        raise RuntimeError(f"{metric.name}: {result.faults[0].says}")
    return [Opened(one.opened_at.timestamp()) for one in result.incidents]


def opened(metric: Monitored, score: Floats, threshold: float) -> list[Opened]:
    """Incidents from another detector's score (rows,), with one alarm an incident by the same rule."""
    # Their scores are no logarithms: what is above the threshold stands.
    begun = onsets(np.where(score >= threshold, score / threshold, 0.0), metric.a_day)
    return [Opened(float(metric.seconds[onset]) + metric.width) for onset in begun]


def set_aside(names: Sequence[str]) -> frozenset[str]:
    """The series not looked at while the check was built: every second one of a folder, by name."""
    folders: dict[str, list[str]] = {}
    for name in sorted(names):
        folders.setdefault(name.partition("/")[0], []).append(name)
    return frozenset(name for inside in folders.values() for name in inside[1::2])
