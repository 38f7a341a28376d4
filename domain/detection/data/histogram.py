"""Columns as histograms: by window, slice and bin, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from domain.detection.data.counts import Floats
from domain.detection.data.tally import celled
from domain.detection.data.window import Grid
from domain.detection.data.windowed import Windowed
from domain.values import Slice


@dataclass(frozen=True)
class Bins:
    """
    Where a column is cut: a number at `edges` (n_bins + 1,) in its own unit, lowest and highest value
    included; a text into `labels`, one per bin, of which `named` are values and the others groups of the
    rest.
    """

    column: str
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    named: int = 0

    @property
    def count(self) -> int:
        """How many bins there are."""
        return len(self.labels) or max(len(self.edges) - 1, 1)


@dataclass(frozen=True)
class Histograms(Windowed):
    """
    One table's columns; the last window is the one that is judged. `counts` holds (n_windows, n_cells,
    n_bins) for each of `bins`: rows with a value in that bin. `rows` (n_windows, n_cells) counts all rows.
    """

    grid: Grid
    cells: tuple[Slice, ...]
    bins: tuple[Bins, ...]
    rows: Floats
    counts: tuple[Floats, ...]
    first: int = 0

    def until(self, last: int, history: int) -> Histograms:
        """The histograms with window `last` as the judged one and at most `history` windows before it."""
        begin = max(last - history, 0)
        span = slice(begin, last + 1)
        return replace(
            self,
            rows=self.rows[span],
            counts=tuple(one[span] for one in self.counts),
            first=self.first + begin,
        )


def histograms_of(frame: pd.DataFrame, grid: Grid, bins: Sequence[Bins]) -> Histograms:
    """
    The frame of `workers.sources.aggregate.histogram` as arrays; what is absent there holds 0 rows.

    Args:
        frame: columns window, dim1, val1, dim2, val2 (as of `count_windows`), column (the place in `bins`, −1
            for all rows), bin, rows.
    """
    frame = frame[(frame["window"] >= 0) & (frame["window"] < grid.count)]
    cells, place = celled(frame)
    ends = np.cumsum([1, *(one.count for one in bins)])
    width = int(ends[-1])
    start = np.concatenate([[0], ends[:-1]])[frame["column"].to_numpy(dtype=np.int64) + 1]
    row = frame["window"].to_numpy(dtype=np.int64) * len(cells) + place
    flat = row * width + start + frame["bin"].to_numpy(dtype=np.int64)
    rows = frame["rows"].to_numpy(dtype=np.float64)
    added = np.bincount(flat, rows, minlength=grid.count * len(cells) * width).astype(np.float64)
    whole = added.reshape(grid.count, len(cells), width)
    counts = tuple(whole[:, :, end - one.count : end] for one, end in zip(bins, ends[1:], strict=True))
    return Histograms(grid, cells, tuple(bins), whole[:, :, 0], counts)
