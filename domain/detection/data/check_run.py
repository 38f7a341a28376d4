"""One look of one check: what it is declared as, over which windows, and how much past it wants."""

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
    One look: `check` with its table named, `options` its kind's own keys as typed values, the dimensions that
    it is sliced by, and `grid`, whose last window is judged.

    `window` and `every` are the check's own, `history` how far back it learns from. Where one question is to
    answer for several looks, `first` is when the window of the first of them ends.
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
        """Independent looks a week: those at overlapping windows see mostly the same rows."""
        return WEEK_SECONDS / max(self.every, self.window).total_seconds()

    @property
    def silence_width(self) -> timedelta:
        """How finely arrivals are told apart: five minutes for tables by the day, down to ten seconds."""
        if self.window >= DAY:
            return SILENCE_OF_DAYS
        return max(min(self.every, self.window / SILENCE_PARTS), LEAST_SILENCE)
