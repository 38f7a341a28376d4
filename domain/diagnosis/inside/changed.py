"""Candidates with one feature at each of some values, so that a model is asked once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd


def with_each(rows: pd.DataFrame, name: str, values: Sequence[Any]) -> pd.DataFrame:
    """(values · rows,) all rows with the first value, then all with the second, and so on."""
    return pd.concat([rows.assign(**{name: value}) for value in values], ignore_index=True)
