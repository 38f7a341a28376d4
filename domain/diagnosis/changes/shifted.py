"""Model features that are made from a changed one by a formula that nobody declared."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from domain.diagnosis.place import Bools, Floats
from domain.diagnosis.scene import Scene

FAR = 0.5  # of the spread before, by which the mean over the changed items has to move
SURE = 6.0  # standard errors
OTHERS = 0.25  # of that, by which it may move for all other items
LEAST_ROWS = 20


def shifted(scene: Scene, hit: Bools, items: Collection[str]) -> dict[str, Floats]:
    """
    Numeric feature → what its rows would hold, for features that moved with the changed `items` and with no
    others.

    Args:
        hit: (n_rows,) candidates since the onset that are one of the items.

    Returns:
        The values that the same items had before, in the order of the present ones: each row keeps its rank.
    """
    columns = scene.now.columns
    before = scene.before.rows
    past = before[columns.item].astype(str).isin(set(items)).to_numpy(bool)
    found: dict[str, Floats] = {}
    for name in columns.features:
        if not all(pd.api.types.is_numeric_dtype(rows[name]) for rows in (scene.now.rows, before)):
            continue
        now, then = _numbers(scene.now.rows, name), _numbers(before, name)
        mine, was = now[hit & np.isfinite(now)], then[past & np.isfinite(then)]
        if min(len(mine), len(was)) < LEAST_ROWS:
            continue
        spread = float(np.std(was))
        moved = abs(float(mine.mean() - was.mean()))
        error = float(np.sqrt(np.var(mine) / len(mine) + np.var(was) / len(was)))
        others = abs(float(np.nanmean(now[~hit])) - float(np.nanmean(then[~past]))) if (~hit).any() else 0.0
        if moved > max(FAR * spread, SURE * error) and others < OTHERS * moved:
            found[name] = _by_rank(now, hit, was)
    return found


def _numbers(rows: pd.DataFrame, name: str) -> Floats:
    return rows[name].to_numpy(np.float64, na_value=np.nan)


def _by_rank(now: Floats, hit: Bools, was: Floats) -> Floats:
    """The values, with those of `hit` mapped to the former quantiles."""
    mapped = now.copy()
    rank = pd.Series(now[hit]).rank(method="average", pct=True).fillna(0.5).to_numpy(float)
    mapped[hit] = np.quantile(was, np.clip(rank - 0.5 / max(int(hit.sum()), 1), 0, 1))
    return mapped
