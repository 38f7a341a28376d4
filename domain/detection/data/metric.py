"""A metric by window, whole and by slice, as arrays."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.data.special_days import SpecialDays
from domain.detection.data.window import DAY, Grid
from domain.values import Slice


@dataclass(frozen=True)
class Metric:
    """
    One metric of a table, whole and by slice; the last window is the one that is judged.

    `held` is (n_windows, n_series), NaN in windows without rows, which count as `empty` once the table
    has begun; `slices` names the columns, the whole table () first. A metric cut out of a longer `whole`
    shares `kept` with all others cut out of it.
    """

    grid: Grid
    held: Floats
    slices: tuple[Slice, ...]
    empty: float
    first: int = 0
    whole: Metric | None = field(default=None, compare=False, repr=False)
    kept: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self.held)

    def edge(self, index: int) -> datetime:
        """When window `index` begins."""
        return self.grid.edge(self.first + index)

    @property
    def end(self) -> datetime:
        """When the judged window ends."""
        return self.edge(self.count)

    @property
    def local_seconds(self) -> npt.NDArray[np.int64]:
        """(n_windows,) local clock at the start of each."""
        return self.grid.local_seconds()[self.first : self.first + self.count]

    @property
    def special_days(self) -> SpecialDays | None:
        """How much of each window lies in a holiday or at its edge; None if no window does."""
        found = self.grid.special_days()
        return found.only(slice(self.first, self.first + self.count)) if found else None

    @property
    def a_day(self) -> int:
        """Windows in a day, at least one."""
        return max(int(DAY / self.grid.width), 1)

    def values(self, place: int) -> Floats:
        """(n_windows,) of one series, NaN where it has no value."""
        begun = np.logical_or.accumulate(np.isfinite(self.held[:, 0]))
        held = self.held[:, place]
        return np.where(np.isfinite(held), held, np.where(begun, self.empty, np.nan))

    def until(self, last: int, history: int) -> Metric:
        """
        The same with window `last` as the judged one, at most `history` before it, and slices seen in
        them.
        """
        begin = max(last - history, 0)
        held = self.held[begin : last + 1]
        seen = np.isfinite(held).any(axis=0) | (np.arange(held.shape[1]) == 0)
        slices = tuple(where for where, there in zip(self.slices, seen, strict=True) if there)
        first, whole = self.first + begin, self.whole or self
        return Metric(self.grid, held[:, seen], slices, self.empty, first, whole, self.kept)

    def part(self, begin: int, end: int, where: Slice) -> Metric:
        """
        Windows [begin, end) by their place in the grid, of the whole table and the slice `where`, as far as
        `whole` has them.
        """
        source = self.whole or self
        rows = slice(max(begin - source.first, 0), max(end - source.first, 0))
        places = [0] if not where else [0, source.slices.index(where)]
        slices = tuple(source.slices[place] for place in places)
        return Metric(self.grid, source.held[rows][:, places], slices, self.empty, max(begin, source.first))
