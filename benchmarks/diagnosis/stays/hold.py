"""Where a fault takes hold of the stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from lightgbm import Booster

from benchmarks.diagnosis.stays.market import Bools

Rows = Callable[[pd.DataFrame], pd.DataFrame]
Which = Callable[[pd.DataFrame], Bools]


@dataclass(frozen=True)
class Served:
    """A model that ranks for one cluster, or for all; it claims to be `version`."""

    model: Booster
    version: str
    cluster: str | None = None


@dataclass(frozen=True)
class Hold:
    """
    Where a fault takes hold.

    Attributes:
        exported, priced, counted: act on the catalogue, the prices, the free nights as they are loaded.
        fetched, kept, turned: which candidates are found at all, which may be shown, which are ranked the
            wrong way round; a row a candidate.
        rows: acts on a table's rows as they are written.
        served: in place of the model that should serve.
        more: how often places are searched for, by country.
    """

    exported: Rows | None = None
    priced: Rows | None = None
    counted: Rows | None = None
    fetched: Which | None = None
    kept: Which | None = None
    turned: Which | None = None
    rows: Mapping[str, Rows] = field(default_factory=dict)
    served: Served | None = None
    more: Mapping[str, float] = field(default_factory=dict)
