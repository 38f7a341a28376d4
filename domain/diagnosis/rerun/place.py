"""Where the rows that do not agree lie: the slices, or else the items, that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.localise import localise
from domain.diagnosis.scan.dimension import NOT_SET
from domain.values import Slice

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

MOST_VALUES = 60  # of a column that slices are looked for in
MOST_COLUMNS = 6  # that a difference is looked for in, those which it depends on most
HOLDS = 0.9  # of the rows that differ, from which slices are said to hold them
MOST_ITEMS = 200  # that are named one by one
LEAST_ITEM_ROWS = 3  # of an item, from which that all of them differ says something


@dataclass(frozen=True)
class Place:
    """A slice (none: no slice holds what differs), its rows, and the items that differ in all their rows."""

    where: Slice | None
    inside: Bools
    items: tuple[str, ...] = ()


def dimensions_of(
    rows: pd.DataFrame, declared: Sequence[str], features: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """
    The columns that a difference may lie in, as texts: declared ones, features of few values as they are,
    and others that are not always set by whether they are.
    """
    texts: dict[str, pd.Series] = {}
    for name in dict.fromkeys((*declared, *features)):
        if name not in rows:
            continue
        column, unset = rows[name], rows[name].isna()
        if column.nunique() <= MOST_VALUES or name in declared:
            texts[name] = column.astype(object).where(~unset, NOT_SET).astype(str)
        elif unset.any():
            texts[name] = pd.Series(np.where(unset, NOT_SET, "set"), index=rows.index)
    return pd.DataFrame(texts, index=rows.index), tuple(texts)


def places(
    texts: pd.DataFrame, differing: Bools, items: pd.Series, exposed: Bools | None = None
) -> tuple[Place, ...]:
    """
    The slices that hold the rows that differ, or else the items; one place without either where none does.

    Args:
        texts: (rows,) a column a dimension, as `dimensions_of` makes them.
        differing: (rows,) those that do not agree.
        items: (rows,) which item each row is of.
        exposed: (rows,) those that could differ; all if not given.
    """
    could = np.ones(len(differing), dtype=bool) if exposed is None else exposed
    if not differing.any() or differing[could].all():
        return (Place((), could),) if differing.any() else ()
    found = _slices(texts, differing, could)
    held = np.any([place.inside for place in found], axis=0) if found else np.zeros_like(differing)
    if differing[held].sum() >= HOLDS * differing.sum():
        return found
    alone = _items(differing, could, items)
    inside = items.astype(str).isin(set(alone)).to_numpy()
    if alone and len(alone) <= MOST_ITEMS and differing[inside].sum() >= HOLDS * differing.sum():
        return (Place(None, inside, alone),)
    return found or (Place(None, could),)


def _slices(texts: pd.DataFrame, differing: Bools, could: Bools) -> tuple[Place, ...]:
    names = _informative(texts, differing, could)
    if not names:
        return ()
    cells = (
        texts.loc[could][names]
        .assign(observed=(~differing[could]).astype(float), expected=1.0)
        .groupby(names, observed=True, sort=False)[["observed", "expected"]]
        .sum()
        .reset_index()
    )
    answer = []
    for found in localise(cells, names, ways=2):
        inside = could.copy()
        for name, value in found.slice:
            inside &= (texts[name] == value).to_numpy()
        if (differing & inside).any():
            answer.append(Place(found.slice, inside))
    return tuple(answer)


def _informative(texts: pd.DataFrame, differing: Bools, could: Bools) -> list[str]:
    """The columns that say most about whether a row differs, by the information that each gives."""
    nats = {str(name): _information(texts[name][could], differing[could]) for name in texts}
    best = sorted((name for name in nats if nats[name] > 0), key=lambda name: -nats[name])
    return best[:MOST_COLUMNS]


def _information(texts: pd.Series, differing: Bools) -> float:
    """Mutual information in nats, less what chance gives: half a nat a row for each value but one."""
    table = pd.crosstab(texts.to_numpy(), differing).to_numpy(dtype=float)
    if table.shape[1] < 2:
        return 0.0
    total = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        nats = float(np.nansum(table * np.log(table / expected))) / total
    return float(nats - 0.5 * (len(table) - 1) / total)


def _items(differing: Bools, could: Bools, items: pd.Series) -> tuple[str, ...]:
    by_item = pd.Series(differing[could]).groupby(items[could].astype(str).to_numpy())
    shares, counts = by_item.mean(), by_item.count()
    return tuple(sorted(str(name) for name in shares.index[(shares == 1.0) & (counts >= LEAST_ITEM_ROWS)]))
