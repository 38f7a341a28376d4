"""Features that the model is fed with other values than the catalogue holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from domain.diagnosis.changes.begun import since_first
from domain.diagnosis.material import RANKED_AT, Material
from domain.diagnosis.place import Bools, Floats, Placed, place_or_items
from domain.diagnosis.scene import Scene

AGREE = 0.8  # share of candidates whose feature is what the catalogue holds: else it is in another unit
APART = 0.02  # of the feature's spread
LEAST_ROWS, LEAST_REQUESTS = 20, 3  # at least, that differ: rows of one request say nothing about others
PURE = 0.5
OLDER = 0.9  # share of those that differ which hold what the delivery before had


@dataclass(frozen=True)
class Stale:
    """`hit` (n_rows,) candidates that are fed another value than `should`; `of`: the delivery it is from."""

    feature: str
    hit: Bools
    should: Floats
    placed: Placed
    items: tuple[str, ...]
    of: datetime | None
    since: datetime | None


def stale(scene: Scene, material: Material) -> Iterator[Stale]:
    """One for each numeric feature that the catalogue and the log hold under one name and mostly agree on."""
    items, rows = material.items, scene.now.rows
    if items is None:
        return
    held = items.drop_duplicates(material.key, keep="last").set_index(items[material.key].astype(str))
    mine, since = rows[scene.now.columns.item].astype(str), _since_delivered(rows, material)
    for name in scene.now.columns.features:
        numbers = name in held and all(pd.api.types.is_numeric_dtype(one[name]) for one in (held, rows))
        if not numbers:
            continue
        fed = rows[name].to_numpy(np.float64, na_value=np.nan)
        should = mine.map(held[name].to_dict()).to_numpy(np.float64)
        known = np.isfinite(fed) & np.isfinite(should) & since
        spread = float(np.std(should[known])) if known.any() else 0.0
        hit = known & (np.abs(fed - should) > APART * spread)
        asked = rows.loc[hit, scene.now.columns.request].nunique()
        few = hit.sum() < LEAST_ROWS or asked < LEAST_REQUESTS
        if few or hit.sum() > (1 - AGREE) * known.sum():
            continue
        was = _was(material, name)
        begun = since_first(rows, hit)
        placed = place_or_items(rows[begun], hit[begun], scene.dimensions, scene.now.columns.item)
        if placed.purity < PURE:
            placed = Placed((), placed.purity, 1.0)
        own = tuple(sorted(mine[hit].unique()))
        older = was is not None and _older(mine[hit], fed[hit], was, APART * spread)
        taken = material.snapshots
        before = taken.previous_at if older and taken is not None else None
        yield Stale(name, hit, should, placed, own, before, taken.delivered_at if before and taken else None)


def _since_delivered(rows: pd.DataFrame, material: Material) -> Bools:
    """Those that were ranked after the catalogue last came: before it they were fed what it held then."""
    if material.snapshots is None or RANKED_AT not in rows:
        return np.ones(len(rows), dtype=bool)
    return (rows[RANKED_AT] >= pd.Timestamp(material.snapshots.delivered_at)).to_numpy(bool)


def _was(material: Material, name: str) -> dict[str, float] | None:
    taken = material.snapshots
    if taken is None or name not in taken.before:
        return None
    rows = taken.before.drop_duplicates(material.key, keep="last")
    return dict(zip(rows[material.key].astype(str), rows[name].astype(float), strict=True))


def _older(items: pd.Series, fed: Floats, was: dict[str, float], near: float) -> bool:
    old = items.map(was).to_numpy(np.float64)
    with np.errstate(invalid="ignore"):
        return bool(np.mean(np.abs(old - fed) <= near) >= OLDER)
