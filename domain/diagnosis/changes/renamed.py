"""A value that vanished while another of like volume appeared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

GONE = 0.05  # of the expected rows that are left of a value that vanished
NEW = 0.1  # of the observed rows that were expected of a value that appeared
AS_MANY = 0.25  # relative difference up to which two volumes are alike
LEAST_ROWS = 30.0
NOT_SET = ("", "∅ (not set)", "nan", "None", "NaN", "<NA>")


@dataclass(frozen=True)
class Renamed:
    """One value of a dimension that goes by another name."""

    dimension: str
    old: str
    new: str
    lost: float
    gained: float


def renamed(cells: pd.DataFrame, dimensions: Sequence[str]) -> tuple[Renamed, ...]:
    """
    Pairs of values, the largest first. Being no longer set is no name.

    Args:
        cells: `dimensions`, `observed`, `expected` counts.
    """
    found: list[Renamed] = []
    for name in dimensions:
        texts = cells[name].astype("string").fillna("")
        sums = cells.assign(**{name: texts}).groupby(name)[["observed", "expected"]].sum()
        o, e = sums["observed"].to_numpy(float), sums["expected"].to_numpy(float)
        real = ~sums.index.isin(NOT_SET)
        gone = real & (e >= LEAST_ROWS) & (o <= GONE * e)
        new = real & (o >= LEAST_ROWS) & (e <= NEW * o)
        calm = ~gone & ~new & (e > 0)
        level = float(np.median(o[calm] / e[calm])) if calm.any() else 1.0
        for old in np.flatnonzero(gone)[np.argsort(-e[gone])]:
            heirs = np.flatnonzero(new)
            if not len(heirs):
                break
            due = level * e[old]
            heir = int(heirs[np.argmin(np.abs(o[heirs] - due))])
            if abs(o[heir] - due) <= AS_MANY * due:
                new[heir] = False
                values = str(sums.index[old]), str(sums.index[heir])
                found.append(Renamed(name, *values, float(due - o[old]), float(o[heir] - e[heir])))
    return tuple(sorted(found, key=lambda one: -one.lost))
