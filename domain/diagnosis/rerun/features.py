"""Features as they were logged against what the store held for that moment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.rerun.interval import Drawn, mean_interval, share_interval
from domain.diagnosis.rerun.place import Bools, Place, places
from domain.diagnosis.rerun.values import StepDifference
from domain.values import name_slice

SAME = 1e-6  # relative: what a float of 32 bits, or a text of seven digits, keeps
LEAST_SHARE = 0.001  # of the rows, from which on a difference is reported


def feature_differences(
    logged: pd.DataFrame,
    held: pd.DataFrame,
    texts: pd.DataFrame,
    drawn: Drawn,
    items: pd.Series,
    *,
    earlier: pd.DataFrame | None = None,
) -> tuple[StepDifference, ...]:
    """
    Features of `held` that were logged with other values, each with where.

    Args:
        logged, held: (rows,) aligned; columns of `held` that `logged` lacks are left out, and rows of it that
            are wholly unset (the store holds no such item) say nothing.
        earlier: what was held before, to tell what is stale.
    """
    there = held.notna().any(axis=1).to_numpy()
    found: list[StepDifference] = []
    for name in held:
        if name not in logged:
            continue
        differing = ~_same(logged[name], held[name]) & there
        either = there & (logged[name].notna() | held[name].notna()).to_numpy()
        if not there.any() or differing.sum() < max(1.0, LEAST_SHARE * there.sum()):
            continue
        stale = None
        if earlier is not None and name in earlier:
            stale = differing & _same(logged[name], earlier[name]) & earlier[name].notna().to_numpy()
        for place in places(texts, differing, items, either):
            found.append(_difference(logged[name], held[name], differing, stale, place, drawn))
    return tuple(found)


def of_other_kind(logged: pd.DataFrame, held: pd.DataFrame) -> tuple[str, ...]:
    """Columns that mean something else in the log than in the store: most rows always differed."""
    there = held.notna().any(axis=1).to_numpy()
    logged = logged.reset_index(drop=True)
    return tuple(
        str(name)
        for name in held
        if name not in logged or (there.any() and not _same(logged[name], held[name])[there].mean() > 1 / 2)
    )


def _same(one: pd.Series, other: pd.Series) -> Bools:
    unset = (one.isna() & other.isna()).to_numpy()
    if _numbers(one) and _numbers(other):
        left, right = (column.to_numpy(dtype=np.float64, na_value=np.nan) for column in (one, other))
        return np.asarray(unset | (np.abs(left - right) <= SAME * np.maximum(np.abs(left), np.abs(right))))
    both = (one.notna() & other.notna()).to_numpy()
    return np.asarray(unset | (both & (one.astype(str).to_numpy() == other.astype(str).to_numpy())))


def _numbers(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _difference(
    logged: pd.Series,
    held: pd.Series,
    differing: Bools,
    stale: Bools | None,
    place: Place,
    drawn: Drawn,
) -> StepDifference:
    inside = place.inside
    mine = differing & inside
    size, low, high, unit, how = _sized(logged[mine], held[mine], mine, inside, drawn)
    if stale is not None and stale[mine].mean() > 1 / 2:
        how = f"as the store held it before, in {100 * stale[mine].mean():.0f} % of them"
    where = f" of {name_slice(place.where)}" if place.where else ""
    where = f" of {len(place.items):,} items" if place.items else where
    words = (
        f"`{logged.name}` was logged otherwise than the store held it for {int(mine.sum()):,} of "
        f"{int(inside.sum()):,} candidates{where}: {how}"
    )
    return StepDifference(
        step="features",
        rows=int(inside.sum()),
        requests=len(np.unique(drawn.requests[inside])),
        differing=int(mine.sum()),
        size=size,
        low=low,
        high=high,
        where=place.where,
        version=None,
        column=str(logged.name),
        words=words,
        unit=unit,
        exact=low == size == high,
        items=place.items,
    )


def _sized(
    logged: pd.Series, held: pd.Series, mine: Bools, inside: Bools, drawn: Drawn
) -> tuple[float, float, float, str, str]:
    unset = float(logged.isna().mean())
    if not (_numbers(logged) and _numbers(held)) or unset > 1 / 2:
        low, high = share_interval(int(mine.sum()), int(inside.sum()))
        how = "not set" if unset > 1 / 2 else f"{_most(logged)} instead of {_most(held)}"
        return float(mine.sum() / inside.sum()), low, high, "share of candidates", how
    left, right = (column.to_numpy(dtype=np.float64, na_value=np.nan) for column in (logged, held))
    known = np.isfinite(left) & np.isfinite(right)
    off = left[known] - right[known]
    if not len(off):
        low, high = share_interval(int(mine.sum()), int(inside.sum()))
        return float(mine.sum() / inside.sum()), low, high, "share of candidates", "where it held none"
    drawn = drawn.of(mine).of(known)
    size = drawn.mean(off)
    if float(off.min()) == float(off.max()):
        return size, size, size, "", f"{size:+.4g}, bit for bit"
    low, high = mean_interval(off, drawn)
    return size, low, high, "", _shape(left[known], right[known], size, low, high)


def _shape(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64], size: float, *ends: float) -> str:
    """A scale or a shift, where all rows share it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = left / right
    ratio = ratio[np.isfinite(ratio)]
    if len(ratio) > 1 and np.ptp(ratio) <= 1e-4 * abs(float(np.median(ratio))):
        return f"{float(np.median(ratio)):.4g} times as much"
    if np.ptp(left - right) <= 1e-4 * abs(size):
        return f"{size:+.4g} each"
    return f"{size:+.3g} on average [{ends[0]:+.3g} to {ends[1]:+.3g}]"


def _most(column: pd.Series) -> str:
    values = column.dropna().astype(str)
    return str(values.mode().iloc[0]) if len(values) else "nothing"
