"""Other detectors of anomalies in a metric, row by row from the past alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import IsolationForest

from benchmarks.detection.nab_score import Floats
from domain.detection.expect.season import DAY

DAYS, LEAST_DAYS = 7, 2  # days with the same time of day that a z-score is made from
MAD_TO_SD = 1.4826
FITS, TREES = 8, 100  # how often a forest is regrown on the past, and its trees
FIRST_FIT = 0.10  # of the rows; before that a forest says nothing


class Metric(Protocol):
    """The input of a detector."""

    @property
    def seconds(self) -> npt.NDArray[np.int64]: ...

    @property
    def values(self) -> Floats: ...

    @property
    def width(self) -> float: ...

    @property
    def a_day(self) -> int: ...


def seasonal_z(metric: Metric) -> Floats:
    """(rows,) distance from the median of the same time on the days before, in robust standard deviations."""
    place = ((metric.seconds % DAY) // metric.width).astype(np.int64)
    day = metric.seconds // DAY
    day = day - day.min()
    table = np.full((int(day.max()) + 1, int(np.ceil(DAY / metric.width))), np.nan)
    table[day, place] = metric.values
    usual = pd.DataFrame(table).rolling(DAYS, min_periods=LEAST_DAYS).median().shift(1).to_numpy()[day, place]
    off = pd.Series(np.abs(metric.values - usual))
    spread = off.rolling(DAYS * metric.a_day, min_periods=metric.a_day).median().shift(1) * MAD_TO_SD
    z = off.to_numpy() / np.maximum(spread.to_numpy(), 1e-9)
    return np.asarray(np.where(np.isfinite(z), z, 0.0), dtype=np.float64)


def isolation(metric: Metric) -> Floats:
    """
    (rows,) scikit-learn's isolation forest on value, change, hourly mean and clock, regrown on the past.
    """
    values = pd.Series(metric.values)
    hour = max(metric.a_day // 24, 4)
    turn = 2 * np.pi * (metric.seconds % DAY) / DAY
    seen = np.column_stack(
        [
            values,
            values.diff().fillna(0),
            values.rolling(hour, min_periods=1).mean(),
            np.sin(turn),
            np.cos(turn),
        ]
    )
    strength = np.zeros(len(values))
    edges = np.linspace(FIRST_FIT * len(values), len(values), FITS + 1).astype(int)
    for begin, end in pairwise(edges):
        forest = IsolationForest(n_estimators=TREES, random_state=0, n_jobs=1).fit(seen[:begin])
        strength[begin:end] = -forest.score_samples(seen[begin:end])
    return strength
