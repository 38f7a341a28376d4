"""Windows of time, counted from one start; days begin at local midnight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from domain.detection.data.special_days import SpecialDays, special_days
from domain.recommender.holidays import NO_HOLIDAYS, Holidays

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

WINDOW = "__window"
"""The column of a frame that says which window a row lies in: 0 for the first of the grid."""


@dataclass(frozen=True)
class Grid:
    """
    `count` consecutive windows of `width`, the first beginning at `start` (aware UTC).

    `offsets` are (since, seconds east of UTC): for windows of whole days, what local clocks showed, so that a
    day stays a local day when the clocks change; otherwise one entry of 0. `holidays` are the declared ones.
    """

    start: datetime
    width: timedelta
    count: int
    offsets: tuple[tuple[datetime, int], ...]
    zone: ZoneInfo
    holidays: Holidays = NO_HOLIDAYS

    @property
    def end(self) -> datetime:
        """When the last window ends."""
        return self.edge(self.count)

    def edge(self, index: int) -> datetime:
        """When window `index` begins."""
        first = self.offsets[0][1]
        local = self.start.timestamp() + first + index * self.width.total_seconds()
        moment = datetime.fromtimestamp(local - first, UTC)
        for since, seconds in self.offsets[1:]:
            there = datetime.fromtimestamp(local - seconds, UTC)
            if there >= since:
                moment = there
        return moment

    def merged(self, each: int, first: int) -> Grid:
        """`each` of these windows merged, from window `first` on; an incomplete last one is dropped."""
        start = self.edge(first)
        begun = [shift for since, shift in self.offsets if since <= start] or [self.offsets[0][1]]
        later = tuple((since, shift) for since, shift in self.offsets if since > start)
        offsets = ((start, begun[-1]), *later)
        count = (self.count - first) // each
        return replace(self, start=start, width=each * self.width, count=count, offsets=offsets)

    def local_seconds(self) -> npt.NDArray[np.int64]:
        """(count,) start of each window, seconds since 1970 on the local clock, for weekday and hour."""
        return _local_seconds(self)

    def special_days(self) -> SpecialDays | None:
        """How much of each window lies in a holiday or at its edge; None if no window does."""
        return _special_days(self) if self.holidays.days else None


@lru_cache(maxsize=64)
def _local_seconds(grid: Grid) -> npt.NDArray[np.int64]:
    """Cached, and read-only: a walk over the past asks the same grid at each of its looks."""
    if len(grid.offsets) == 1:
        starts = grid.start.timestamp() + grid.width.total_seconds() * np.arange(grid.count)
    else:
        starts = np.array([grid.edge(i).timestamp() for i in range(grid.count)])
    changes = _offsets(grid.start, grid.end, grid.zone)
    since = np.searchsorted([moment.timestamp() for moment, _shift in changes[1:]], starts, side="right")
    shift = np.array([one for _moment, one in changes])[since]
    seconds = np.asarray(np.floor(starts + shift), dtype=np.int64)
    seconds.setflags(write=False)
    return seconds


@lru_cache(maxsize=64)
def _special_days(grid: Grid) -> SpecialDays | None:
    """Cached for the same reason."""
    return special_days(grid.local_seconds(), grid.width.total_seconds(), grid.holidays)


def grid_until(
    end: datetime, width: timedelta, history: timedelta, zone: ZoneInfo, holidays: Holidays = NO_HOLIDAYS
) -> Grid:
    """The grid whose last window ends at `end`, reaching back over at least `history` before that window."""
    count = max(int(history / width), 1) + 1
    if width % DAY:
        return Grid(end - count * width, width, count, ((end - count * width, 0),), zone, holidays)
    local = end.astimezone(zone).replace(tzinfo=None) - count * width
    return Grid(start := _utc(local, zone), width, count, _offsets(start, end, zone), zone, holidays)


def last_end(at: datetime, width: timedelta, step: timedelta, zone: ZoneInfo) -> datetime:
    """
    The latest moment, not after `at`, at which a window may end: local midnight for days, else a multiple of
    `step`.
    """
    if not width % DAY and not step % DAY:
        return _utc(at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None), zone)
    seconds = step.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def _offset(moment: datetime, zone: ZoneInfo) -> int:
    shift = moment.astimezone(zone).utcoffset()
    return int(shift.total_seconds()) if shift else 0


def _utc(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)


def _offsets(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[tuple[datetime, int], ...]:
    """Clock changes in [start, end], found to the minute by bisection between hours."""
    found = [(start, _offset(start, zone))]
    moment = start
    while moment < end:
        then = moment + DAY
        if _offset(then, zone) != found[-1][1]:
            low, high = moment, then
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if _offset(middle, zone) == found[-1][1] else (low, middle)
            change = high.replace(microsecond=0)
            found.append((change, _offset(change, zone)))
        moment = then
    return tuple(found)
