"""One look of one check: its declaration, its windows, and how much past it needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.detection.data.window import DAY, Grid
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table

WEEK_SECONDS = 604_800.0
SILENCE_PARTS, LEAST_SILENCE, SILENCE_OF_DAYS = 6, timedelta(seconds=10), timedelta(minutes=5)


@dataclass(frozen=True)
class CheckRun:
    """
    One look: `check` with its table named, `options` with the kind's own keys as typed values, the dimensions
    it is sliced by, and `grid`, whose last window is judged.

    `window` and `every` are the check's own, `history` is how far back it learns from. If one question is to
    answer several looks, `first` is when the window of the first of them ends.
    """

    recommender: Recommender
    check: Check
    options: Any
    table: Table
    dimensions: tuple[str, ...]
    grid: Grid
    window: timedelta
    every: timedelta
    history: timedelta
    first: datetime | None = None

    @property
    def start(self) -> datetime:
        """When the judged window begins."""
        return self.grid.edge(self.grid.count - 1)

    @property
    def end(self) -> datetime:
        """When the judged window ends."""
        return self.grid.end

    @property
    def looks_per_week(self) -> float:
        """Independent looks a week: looks at overlapping windows see mostly the same rows."""
        return WEEK_SECONDS / max(self.every, self.window).total_seconds()

    @property
    def silence_width(self) -> timedelta:
        """How finely arrivals are resolved: five minutes for daily tables, down to ten seconds."""
        if self.window >= DAY:
            return SILENCE_OF_DAYS
        return max(min(self.every, self.window / SILENCE_PARTS), LEAST_SILENCE)
