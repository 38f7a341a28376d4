"""Things counted window by window, the last one judged: when each begins and ends."""

from __future__ import annotations

from datetime import datetime

from domain.detection.data.counts import Floats
from domain.detection.data.window import Grid


class Windowed:
    """Mixin for a frozen value whose `rows` begin with window `first` of `grid`."""

    grid: Grid
    rows: Floats
    first: int

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
