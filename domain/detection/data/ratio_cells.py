"""The two sides of a ratio by window and cell: what is summed in the numerator and the denominator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.counts import Floats
from domain.detection.data.window import Grid
from domain.values import Slice

Codes = npt.NDArray[np.int64]
SIDES = NUMERATOR, DENOMINATOR = "numerator", "denominator"
HALF = 0.5


@dataclass(frozen=True)
class RatioCells:
    """
    Both sides of a ratio by window and cell; the last window is the one that is judged.

    A cell is a combination of values of all `dimensions`: `codes` is (n_cells, n_dimensions), places in
    `values`. `numerator` and `denominator` are (n_windows, n_cells), the latter ≥ 0. `share` says that the
    numerator counts some of what the denominator counts. `known` is (n_windows,): false before the table's
    first row. `left_out` says which values have no cell of their own, and why.
    """

    grid: Grid
    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: Codes
    numerator: Floats
    denominator: Floats
    share: bool
    known: npt.NDArray[np.bool_]
    first: int = 0
    left_out: str | None = None

    @property
    def total(self) -> Floats:
        """(n_windows,) of the denominator."""
        return np.asarray(self.denominator.sum(axis=1))

    def start(self, index: int) -> datetime:
        """When window `index` begins."""
        return self.grid.edge(self.first + index)

    def end(self, index: int) -> datetime:
        """When window `index` ends."""
        return self.grid.edge(self.first + index + 1)

    def local_seconds(self) -> Codes:
        """(n_windows,) local clock at each window's start."""
        return self.grid.local_seconds()[self.first : self.first + len(self.denominator)]

    def until(self, last: int, history: int) -> RatioCells:
        """The same with window `last` judged, at most `history` before it, and the cells seen in them."""
        begin = max(last - history, 0)
        numerator, denominator = self.numerator[begin : last + 1], self.denominator[begin : last + 1]
        there = (denominator > 0).any(axis=0) | (numerator != 0).any(axis=0)
        return replace(
            self,
            codes=self.codes[there],
            numerator=numerator[:, there],
            denominator=denominator[:, there],
            known=self.known[begin : last + 1],
            first=self.first + begin,
        )

    def merged(self, each: int) -> RatioCells:
        """
        These windows, `each` of them merged into one, the last ending with the judged one; a remainder at the
        beginning is dropped.
        """
        windows, cells = self.denominator.shape
        begin, shape = windows % each, (windows // each, each)
        return replace(
            self,
            grid=self.grid.merged(each, self.first + begin),
            numerator=self.numerator[begin:].reshape(*shape, cells).sum(axis=1),
            denominator=self.denominator[begin:].reshape(*shape, cells).sum(axis=1),
            known=np.asarray(self.known[begin:].reshape(shape).all(axis=1)),
            first=0,
        )

    def name(self, cell: int, places: tuple[int, ...]) -> Slice:
        """The slice that a cell lies in, by the dimensions at `places`."""
        pairs = ((self.dimensions[at], self.values[at][self.codes[cell, at]]) for at in places)
        return tuple(sorted(pairs))

    def inside(self, where: Slice) -> npt.NDArray[np.bool_]:
        """(n_cells,) the cells that lie in a slice; none if its values are not known here."""
        held = np.ones(len(self.codes), dtype=bool)
        for dimension, value in where:
            if dimension not in self.dimensions or value not in self.values[self.dimensions.index(dimension)]:
                return np.zeros(len(self.codes), dtype=bool)
            place = self.dimensions.index(dimension)
            held &= self.codes[:, place] == self.values[place].index(value)
        return held


def ratio_cells_of(
    frame: pd.DataFrame, grid: Grid, dimensions: tuple[str, ...], left_out: str | None = None
) -> RatioCells:
    """
    The frame of `workers.sources.aggregate.series` as arrays.

    Args:
        frame: columns window (places in the grid), the dimensions (categories without null), numerator,
            denominator; one row for each window and cell in which there is anything.
    """
    frame = frame[(frame["window"] >= 0) & (frame["window"] < grid.count)]
    columns = [frame[name].astype("category").cat.remove_unused_categories() for name in dimensions]
    texts = [[str(value) for value in column.cat.categories] for column in columns]
    values = tuple(tuple(sorted(known)) for known in texts)
    key = np.zeros(len(frame), dtype=np.int64)
    for column, spelt, ordered in zip(columns, texts, values, strict=True):
        place = {value: at for at, value in enumerate(ordered)}
        code = np.array([place[value] for value in spelt], dtype=np.int64)[column.cat.codes.to_numpy()]
        key = key * max(len(ordered), 1) + code
    present, cell = np.unique(key, return_inverse=True)
    at = frame["window"].to_numpy(dtype=np.int64) * len(present) + cell
    numerator, denominator = (_added(at, frame[side], grid.count, len(present)) for side in SIDES)
    return RatioCells(
        grid,
        dimensions,
        values,
        _decoded(present, values),
        numerator,
        denominator,
        share=is_share(numerator, denominator),
        known=np.cumsum(denominator.sum(axis=1)) > 0,
        left_out=left_out,
    )


def _added(places: Codes, held: pd.Series, windows: int, cells: int) -> Floats:
    sums = np.bincount(places, held.to_numpy(dtype=np.float64), windows * cells)
    return sums.reshape(windows, cells).astype(np.float64)


def _decoded(keys: Codes, values: tuple[tuple[str, ...], ...]) -> Codes:
    columns = []
    for known in reversed(values):
        keys, code = np.divmod(keys, max(len(known), 1))
        columns.append(code)
    return np.column_stack(columns[::-1]) if columns else np.zeros((len(keys), 0), dtype=np.int64)


def is_share(numerator: Floats, denominator: Floats) -> bool:
    """
    Whether the numerator counts some of what the denominator counts: whole numbers, never more of them.

    >>> is_share(np.array([[1.0, 0.0]]), np.array([[4.0, 0.0]]))
    True
    >>> is_share(np.array([[5.0]]), np.array([[4.0]]))
    False
    """
    whole = all(bool(np.array_equal(side, np.round(side))) for side in (numerator, denominator))
    return whole and bool(((numerator >= 0) & (numerator <= denominator)).all())


def rarer_side(cells: RatioCells) -> RatioCells:
    """
    For a share above a half, its complement: if 99 % becomes 95 %, what matters is that failures are five
    times as many.
    """
    if cells.share and cells.numerator.sum() > HALF * cells.denominator.sum():
        return replace(cells, numerator=cells.denominator - cells.numerator)
    return cells
