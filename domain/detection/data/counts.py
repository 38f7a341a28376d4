"""Counted windows as arrays: one total, and one column per slice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.special_days import SpecialDays
from domain.detection.data.window import Grid
from domain.values import Slice

Floats = npt.NDArray[np.float64]

NOT_SET = "∅ (not set)"
"""Stands for the value of a dimension in rows that have none."""


@dataclass(frozen=True)
class Counts:
    """
    Rows of one table by window and slice; the last window is the one that is judged.

    `total` is (n_windows,), `rows` (n_windows, n_slices), both counts ≥ 0; `slices` names the columns.
    `known` is (n_windows,): false before the table's first row, where nothing can be learned.
    """

    grid: Grid
    total: Floats
    rows: Floats
    slices: tuple[Slice, ...]
    known: npt.NDArray[np.bool_]
    first: int = 0

    def start(self, index: int) -> datetime:
        """When window `index` begins."""
        return self.grid.edge(self.first + index)

    def end(self, index: int) -> datetime:
        """When window `index` ends."""
        return self.grid.edge(self.first + index + 1)

    def local_seconds(self) -> npt.NDArray[np.int64]:
        """(n_windows,) local clock at each window's start."""
        return self.grid.local_seconds()[self.first : self.first + len(self.total)]

    def special_days(self) -> SpecialDays | None:
        """How much of each window lies in a holiday or at its edge; None if no window does."""
        found = self.grid.special_days()
        return found.only(slice(self.first, self.first + len(self.total))) if found else None

    def until(self, last: int, history: int) -> Counts:
        """The counts with window `last` as the judged one and at most `history` windows before it."""
        begin = max(last - history, 0)
        span = slice(begin, last + 1)
        return replace(
            self,
            total=self.total[span],
            rows=self.rows[span],
            known=self.known[span],
            first=self.first + begin,
        )

    def merged(self, each: int) -> Counts:
        """
        These windows, `each` of them merged into one, the last ending with the judged one; a remainder at the
        beginning is dropped.
        """
        begin = len(self.total) % each
        shape = (len(self.total) // each, each)
        return replace(
            self,
            grid=self.grid.merged(each, self.first + begin),
            total=self.total[begin:].reshape(shape).sum(axis=1),
            rows=self.rows[begin:].reshape(*shape, -1).sum(axis=1),
            known=np.asarray(self.known[begin:].reshape(shape).all(axis=1)),
            first=0,
        )


def counts_of(frame: pd.DataFrame, grid: Grid) -> Counts:
    """
    The frame of `workers.sources.count_windows` as arrays; windows that are absent there hold 0 rows.

    Args:
        frame: columns window, dim1, val1, dim2, val2, rows; in any order of rows.
    """
    frame = frame[(frame["window"] >= 0) & (frame["window"] < grid.count)]
    whole = frame["dim1"].isna().to_numpy()
    window, n = frame["window"].to_numpy(dtype=np.int64), frame["rows"].to_numpy(dtype=np.float64)
    total = _added(window[whole], n[whole], grid.count)
    codes, names = coded(frame[~whole])
    places = window[~whole] * len(names) + codes
    rows = _added(places, n[~whole], grid.count * len(names)).reshape(grid.count, len(names))
    slices = tuple(slice_named(*name) for name in names)
    known = np.cumsum(total) > 0
    return Counts(grid, total, rows, slices, known)


def _added(places: npt.NDArray[np.int64], n: Floats, length: int) -> Floats:
    return np.bincount(places, n, minlength=length).astype(np.float64, copy=False)


def coded(parts: pd.DataFrame) -> tuple[npt.NDArray[np.int64], list[tuple[str, str, str, str]]]:
    """
    (n_rows,) the place of each row's slice, and the slices in order of their names.

    Works on columns as numbers: millions of rows hold few names, and strings are slow to compare.
    """
    key = np.zeros(len(parts), dtype=np.int64)
    values: list[list[str]] = []
    for column in ("dim1", "val1", "dim2", "val2"):
        texts = parts[column].astype("category").cat
        names = [str(value) for value in texts.categories]
        rank = np.append(np.argsort(np.argsort(names)) + 1, 0)  # a missing string has the code −1
        key = key * len(rank) + rank[texts.codes]
        values.append(["", *sorted(names)])
    present, places = np.unique(key, return_inverse=True)
    slices = []
    for one in present.tolist():
        rest, parts_of = one, []
        for known in reversed(values):
            rest, code = divmod(rest, len(known))
            parts_of.append(known[code])
        slices.append((parts_of[3], parts_of[2], parts_of[1], parts_of[0]))
    return places.astype(np.int64), slices


def slice_named(dim1: str, val1: str, dim2: str, val2: str) -> Slice:
    return tuple(sorted(((dim1, val1), (dim2, val2)) if dim2 else ((dim1, val1),)))
