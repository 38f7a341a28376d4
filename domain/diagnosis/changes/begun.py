"""The rows from which on it can be seen where something happens."""

from __future__ import annotations

import numpy as np
import pandas as pd

from domain.diagnosis.material import RANKED_AT
from domain.diagnosis.place import Bools


def since_first(rows: pd.DataFrame, hit: Bools) -> Bools:
    """(n_rows,) those ranked no earlier than the first that is hit: earlier ones say nothing about where."""
    if RANKED_AT not in rows:
        return np.ones(len(rows), dtype=bool)
    return np.asarray(rows[RANKED_AT] >= rows.loc[hit, RANKED_AT].min())
