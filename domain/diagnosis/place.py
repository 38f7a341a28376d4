"""Which slice contains the rows that something happened to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.judge.title import listed
from domain.values import Slice

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

EVERYWHERE = 0.98  # of all rows: then no slice says it better
FINER = 0.05  # relative gain in log likelihood from which a slice of two dimensions is the better word
ONE_SLICE = 3.0  # log likelihood gain of one given slice: 5 in a hundred would reach it by chance
NEARLY = 0.9  # share of all hits that lie in it
FEW_ITEMS = 3  # up to which they are named one by one
ROWS_OF_ONE = 5.0  # of an item on average, from which on its rows tell whether all of them are hit
LEAST_GAIN = 12.0  # log likelihood ratio; some thousand slices to choose from, and rows that come in groups


@dataclass(frozen=True)
class Placed:
    """
    A slice, the share (0–1) of its rows that are hit, and the share of all hits that lie in it.

    `items`: the only ones that are hit, where they say it and no slice does.
    """

    slice: Slice
    purity: float
    held: float
    items: tuple[str, ...] = ()


def place_of(
    rows: pd.DataFrame, hit: Bools, dimensions: Sequence[str], ways: int = 2, found: Slice = ()
) -> Placed:
    """
    The slice whose own rate of hits best explains which rows are hit; everywhere, if none does.

    Args:
        rows: one row each, with `dimensions`; `hit` is (n_rows,).
        found: the slice in which something was found: not chosen among thousands, so few hits are enough.

    Source:
        The likelihood of two binomial rates, inside and outside: Kulldorff (1997), Comm. Stat. 26(6).
    """
    whole = Placed((), float(hit.mean()) if len(hit) else 0.0, 1.0)
    names = [name for name in dimensions if name in rows]
    if not hit.any() or hit.mean() >= EVERYWHERE or not names:
        return whole
    coded = [pd.factorize(rows[name].astype("string").fillna("")) for name in names]
    columns = [_Column(name, codes, values) for name, (codes, values) in zip(names, coded, strict=True)]
    best: tuple[float, Placed] = (LEAST_GAIN, whole)
    for count in range(1, min(ways, len(names)) + 1):
        each = [_best(group, hit) for group in combinations(columns, count)]
        gain, placed = max(each, key=lambda one: one[0])
        if gain > best[0] * (1 + FINER * (count > 1)):
            best = gain, placed
    if best[1].slice:
        return best[1]
    return _where_found(rows, hit, names, found) or whole


def place_or_items(rows: pd.DataFrame, hit: Bools, dimensions: Sequence[str], item: str) -> Placed:
    """
    As `place_of`, but where whole items are hit, they are counted instead of their rows: those of one item
    say nothing about the others of its slice. If no slice explains which items are hit, these are named.
    """
    placed = place_of(rows, hit, dimensions)
    if placed.purity >= EVERYWHERE and placed.held >= NEARLY:
        return placed
    codes, names = pd.factorize(rows[item].astype(str))
    of, hits = np.bincount(codes), np.bincount(codes, weights=hit.astype(float))
    whole = hits >= EVERYWHERE * of
    held = float(hits[whole].sum()) / max(float(hit.sum()), 1.0)
    if held < NEARLY or of[whole].mean() < ROWS_OF_ONE:
        return placed
    of_items = [name for name in dimensions if name in rows and _one_each(rows[name], codes)]
    among = place_of(rows[~pd.Series(codes, rows.index).duplicated()], whole, of_items)
    if not among.slice:
        own = float(hits[whole].sum() / of[whole].sum())
        return Placed((), own, held, tuple(sorted(map(str, names[whole]))))
    mine = inside(rows, among.slice)
    return Placed(among.slice, float(hit[mine].mean()), float(hit[mine].sum() / hit.sum()))


def there(rows: pd.DataFrame, placed: Placed, item: str) -> Bools:
    """(n_rows,) those that lie in what was named: a slice, or single items."""
    if placed.items:
        return rows[item].astype(str).isin(placed.items).to_numpy(bool)
    return inside(rows, placed.slice)


def _one_each(values: pd.Series, codes: npt.NDArray[np.intp]) -> bool:
    """Whether each item has the same value in all its rows."""
    return bool(values.groupby(codes).nunique(dropna=False).max() == 1)


def _where_found(rows: pd.DataFrame, hit: Bools, names: list[str], found: Slice) -> Placed | None:
    held = inside(rows, found)
    if not found or not {name for name, _ in found} <= set(names) or not held.any():
        return None
    hits, size = np.array([float((hit & held).sum())]), np.array([float(held.sum())])
    gain = float(_gain(hits, size, float(hit.sum()), float(len(hit)))[0])
    share = float(hits[0] / hit.sum())
    return Placed(found, float(hits[0] / size[0]), share) if gain >= ONE_SLICE and share >= NEARLY else None


@dataclass(frozen=True)
class _Column:
    """One dimension: `codes` (n_rows,) are places in its `values`."""

    name: str
    codes: npt.NDArray[np.intp]
    values: pd.Index


def _best(columns: Sequence[_Column], hit: Bools) -> tuple[float, Placed]:
    key = columns[0].codes.astype(np.int64)
    for column in columns[1:]:
        key = key * len(column.values) + column.codes
    groups, keys = pd.factorize(key)
    size = np.bincount(groups, minlength=len(keys)).astype(float)
    hits = np.bincount(groups, weights=hit.astype(float), minlength=len(keys)).astype(float)
    found = _gain(hits, size, float(hit.sum()), float(len(hit)))
    at = int(np.argmax(found))
    first = int(np.argmax(groups == at))
    where = tuple(sorted((column.name, str(column.values[column.codes[first]])) for column in columns))
    return float(found[at]), Placed(where, hits[at] / size[at], hits[at] / hit.sum())


def _gain(inside: Floats, size: Floats, hits: float, total: float) -> Floats:
    """Log likelihood of two rates against one; 0 where the rate inside is the lower one."""

    def fit(count: Floats, of: Floats) -> Floats:
        rate = np.divide(count, of, out=np.zeros_like(count), where=of > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(count * np.log(rate)) + np.nan_to_num((of - count) * np.log1p(-rate))

    one = fit(np.array([hits]), np.array([total]))[0]
    gain = fit(inside, size) + fit(hits - inside, total - size) - one
    return np.where(inside / size > hits / total, gain, 0.0)


def inside(rows: pd.DataFrame, where: Slice) -> Bools:
    """(n_rows,) those that lie in a slice; a dimension that the rows do not have is ignored."""
    held = np.ones(len(rows), dtype=bool)
    for name, value in where:
        if name in rows:
            held &= (rows[name].astype("string").fillna("") == value).to_numpy(bool)
    return held


def in_the_words_of(found: Slice, placed: Placed, rows: pd.DataFrame) -> Placed:
    """
    The same place as the slice in which something was found, if that holds the same rows: what costs colones
    is in Costa Rica.
    """
    told = bool(placed.slice) and bool(found) and all(name in rows for name, _ in found)
    same = told and bool((inside(rows, found) == inside(rows, placed.slice)).all())
    return replace(placed, slice=found) if same else placed


def named_items(items: Sequence[str], noun: str) -> str:
    """
    >>> named_items(["b7", "c1"], "films"), named_items(["b7", "c1", "d2", "e3"], "films")
    ('item b7 and item c1', '4 films')
    """
    if len(items) > FEW_ITEMS:
        return f"{len(items):,} {noun}"
    return listed([f"item {one}" for one in items])
