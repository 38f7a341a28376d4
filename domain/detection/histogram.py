"""Columns as histograms: by window, slice and bin, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from domain.detection.counts import Floats
from domain.detection.tally import tally_of
from domain.detection.window import Grid
from domain.values import Slice


@dataclass(frozen=True)
class Bins:
    """
    Where a column is cut: a number at `edges` (n_bins + 1,) in its own unit, lowest and highest value
    included; a text into `labels`, one a bin, `named` of which are values and the others groups of the rest.
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
class Histograms:
    """
    One table's columns; the last window is the one that is judged. `counts` holds (n_windows, n_cells,
    n_bins) for each of `bins`: rows with a value in that bin. `rows` (n_windows, n_cells) are all rows.
    """

    grid: Grid
    cells: tuple[Slice, ...]
    bins: tuple[Bins, ...]
    rows: Floats
    counts: tuple[Floats, ...]
    first: int = 0

    def start(self, index: int) -> datetime:
        """When window `index` begins."""
        return self.grid.edge(self.first + index)

    def end(self, index: int) -> datetime:
        """When window `index` ends."""
        return self.grid.edge(self.first + index + 1)

    @property
    def last(self) -> int:
        """The place of the judged window."""
        return len(self.rows) - 1

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


def histograms_of(
    frame: pd.DataFrame, grid: Grid, bins: Sequence[Bins], names: Mapping[str, Sequence[str]]
) -> Histograms:
    """
    The frame of `workers.sources.histogram` as arrays.

    Args:
        frame: columns window, dim1, val1, dim2, val2, rows, and one count for each of `names`: column → the
            frame's names of its bins, in order.
    """
    every = [name for one in bins for name in names[one.column]]
    tally = tally_of(frame, grid, every)
    ends = np.cumsum([one.count for one in bins])
    counts = tuple(tally.bad[:, :, end - one.count : end] for one, end in zip(bins, ends, strict=True))
    return Histograms(grid, tally.cells, tuple(bins), tally.rows, counts)
