"""Where a fault takes hold of the grocer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from sklearn.pipeline import Pipeline

from benchmarks.diagnosis.grocer.market import Bools, Floats

Rows = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Hold:
    """
    Where a fault takes hold of the grocer.

    Attributes:
        exported: acts on the assortment as it is exported.
        priced: acts on the prices as they are loaded.
        silent: distribution centres whose stock is no longer delivered.
        fed, score, kept: the model's input, its score (times), what may be shown; a row a candidate.
        rows: acts on a table's rows as they are written.
        served: the model that serves under the registered one's version.
        traffic: how often extras are asked for, by country or distribution centre.
    """

    exported: Rows | None = None
    priced: Rows | None = None
    silent: tuple[str, ...] = ()
    fed: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame] | None = None
    score: Callable[[pd.DataFrame], Floats] | None = None
    kept: Callable[[pd.DataFrame], Bools] | None = None
    rows: Mapping[str, Rows] = field(default_factory=dict)
    served: Pipeline | None = None
    traffic: Mapping[str, float] = field(default_factory=dict)
