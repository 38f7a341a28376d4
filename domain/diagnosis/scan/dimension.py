"""Dimensions as codes; a cell with several values in one of them lies in several slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.recommender.several import several

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
NOT_SET = "∅ (not set)"


@dataclass(frozen=True)
class Dimension:
    """
    One dimension: its values, and (n_members,) `codes` that are places among them.

    Member i is cell i; where a cell may have several values, `cells` says (n_members,) which cell it is of.
    """

    name: str
    values: tuple[str, ...]
    codes: Codes
    cells: Places | None = None

    def holding(self, code: int, count: int) -> Bools:
        """(count,) which of the cube's cells have a value."""
        if self.cells is None:
            return np.asarray(self.codes == code)
        inside = np.zeros(count, dtype=bool)
        inside[self.cells[self.codes == code]] = True
        return inside

    def within(self, places: Places, count: int) -> Dimension:
        """The same over some of the `count` cells only, which are renumbered."""
        if self.cells is None:
            return Dimension(self.name, self.values, self.codes[places])
        kept, cells = renumbered(self.cells, places, count)
        return Dimension(self.name, self.values, self.codes[kept], cells)


def renumbered(cells: Places, places: Places, count: int) -> tuple[Bools, Places]:
    """(n_members,) which members' cells are among `places`, and the place of each of those there."""
    number = np.full(count, -1, dtype=np.intp)
    number[places] = np.arange(len(places))
    new = number[cells]
    return new >= 0, new[new >= 0]


def dimensions_of(
    cells: pd.DataFrame, names: Sequence[str], exploded: Mapping[str, str]
) -> tuple[Dimension, ...]:
    """
    The columns as dimensions, each value coded once; what is missing is a value too.

    Args:
        cells: one row a cell, a column a dimension.
        exploded: dimension → the separator between its several values, as in `Action|Thriller`.
    """
    return tuple(_dimension(name, cells[name], exploded.get(name)) for name in names)


def _dimension(name: str, column: pd.Series, mark: str | None) -> Dimension:
    codes, texts = _coded(column)
    if mark is not None:
        return _exploded(name, codes, texts, mark)
    # Values of different types may have the same text.
    same, values = pd.factorize(np.array(texts, dtype=object))
    codes = codes if len(values) == len(texts) else same[codes]
    return Dimension(name, tuple(str(value) for value in values), codes)


def _coded(column: pd.Series) -> tuple[Codes, list[str]]:
    """Codes of the cells and what each stands for; unlike things in a column of objects count as texts."""
    if column.dtype == object:
        column = column.where(column.notna(), NOT_SET).astype(str)
    codes, found = pd.factorize(column)
    texts = [str(value) for value in found.astype(object)]
    unset = codes < 0
    if unset.any():
        codes, texts = np.where(unset, len(texts), codes), [*texts, NOT_SET]
    return np.asarray(codes, dtype=np.intp), texts


def _exploded(name: str, codes: Codes, texts: Sequence[str], mark: str) -> Dimension:
    parts = [
        list(dict.fromkeys(part or NOT_SET for part in several(text, mark))) if text != NOT_SET else [text]
        for text in texts
    ]
    flat, values = pd.factorize(np.array([part for some in parts for part in some], dtype=object))
    sizes = np.array([len(some) for some in parts], dtype=np.intp)
    starts = np.cumsum(sizes) - sizes
    often = sizes[codes]
    cells = np.repeat(np.arange(len(codes)), often)
    nth = np.arange(len(cells)) - np.repeat(np.cumsum(often) - often, often)
    members = flat[starts[codes][cells] + nth]
    return Dimension(name, tuple(str(value) for value in values), members, cells)
