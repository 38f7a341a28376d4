"""Where a fault takes hold of the job board."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.diagnosis.jobs.market import Bools, Floats

Rows = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Hold:
    """
    Where a fault takes hold of the board.

    Attributes:
        exported: acts on the vacancies as they are exported.
        looked_up: acts on the vacancies as serving reads them, for the lists of one channel (or all: "").
        fed, score, kept: the model's input, its score (times), what may be shown; a row a candidate.
        rows: acts on a table's rows as they are written.
        served: another model with its version, and the channel whose servers have it (or all: "").
        traffic: how often lists are asked for, by channel; `homes` by seekers' state.
    """

    exported: Rows | None = None
    looked_up: tuple[str, Rows] | None = None
    fed: Callable[[pd.DataFrame, Floats], Floats] | None = None
    score: Callable[[pd.DataFrame], Floats] | None = None
    kept: Callable[[pd.DataFrame], Bools] | None = None
    rows: Mapping[str, Rows] = field(default_factory=dict)
    served: tuple[HistGradientBoostingClassifier, str, str] | None = None
    traffic: Mapping[str, float] = field(default_factory=dict)
    homes: Mapping[str, float] = field(default_factory=dict)
