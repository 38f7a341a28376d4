"""
How much of a window lies in a holiday, and how much in the evening before or the night after one.

    16:00      00:00                    24:00   06:00
    ──┼──────────┼────────────────────────┼───────┼──
      │   edge   │        holiday         │ edge  │
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from domain.recommender.holidays import Holidays

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAY, HOUR = 86_400, 3_600
EVENING, NIGHT = 16 * HOUR, 6 * HOUR  # when the edge begins the day before, and ends the day after
FINEST = 2.0 * HOUR  # seconds; a longer window is examined in parts of this length
LARGE = 0.3  # share of a window above which it no longer counts as one of its weekday
THURSDAY = 3  # 1970 began on one
EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class SpecialDays:
    """
    (n_windows,) each: the share of the window in a `holiday`, the share at the `edge` of one, and the `day`
    (days since 1970) of that holiday, −1 if there is none. `rest` is the weekday that a holiday resembles.
    """

    holiday: Floats
    edge: Floats
    day: Ints
    rest: int

    @property
    def marked(self) -> npt.NDArray[np.bool_]:
        """(n_windows,) the windows that say nothing about their weekday, nor it about them."""
        return np.asarray(self.holiday + self.edge >= LARGE)

    def only(self, windows: slice) -> SpecialDays:
        """The same for some of the windows."""
        return SpecialDays(self.holiday[windows], self.edge[windows], self.day[windows], self.rest)

    def as_lived(self, local_seconds: Ints) -> Ints:
        """(n_windows,) the local clock; in holidays, that of the last day of rest."""
        return np.where(self.holiday >= LARGE, self.like(local_seconds), local_seconds)

    def like(self, local_seconds: Ints) -> Ints:
        """(n_windows,) the local clock at the same time of the last day of rest."""
        days = local_seconds // DAY
        return np.asarray(local_seconds - (days + THURSDAY - self.rest) % 7 * DAY, dtype=np.int64)


def special_days(local_seconds: Ints, width_seconds: float, holidays: Holidays) -> SpecialDays | None:
    """
    Args:
        local_seconds: (n_windows,) local clock at the start of each, seconds since 1970, ascending.

    Returns:
        None if no window touches a holiday.

    >>> labour = Holidays(days=frozenset({date(1970, 1, 2)}))
    >>> found = special_days(np.arange(3) * DAY, DAY, labour)
    >>> found.holiday.tolist(), found.edge.round(2).tolist() if found else None
    ([0.0, 1.0, 0.0], [0.33, 0.0, 0.25])
    """
    if not holidays.days or not len(local_seconds):
        return None
    first, last = int(local_seconds[0] // DAY) - 1, int((local_seconds[-1] + width_seconds) // DAY) + 1
    known = np.array(sorted(day.toordinal() - EPOCH for day in holidays.days), dtype=np.int64)
    known = known[np.searchsorted(known, first) : np.searchsorted(known, last, side="right")]
    if not len(known):
        return None
    parts = max(int(np.ceil(width_seconds / FINEST)), 1)
    middles = local_seconds[:, None] + (np.arange(parts) + 0.5) * (width_seconds / parts)
    day, clock = (middles // DAY).astype(np.int64), middles % DAY
    is_one = np.zeros(last - first + 1, dtype=bool)
    is_one[known - first] = True
    holiday = is_one[day - first]
    before = ~holiday & (clock >= EVENING) & is_one[np.minimum(day + 1 - first, last - first)]
    after = ~holiday & (clock < NIGHT) & is_one[np.maximum(day - 1 - first, 0)]
    whose = np.where(holiday, day, np.where(before, day + 1, np.where(after, day - 1, -1)))
    if not (whose >= 0).any():
        return None
    return SpecialDays(holiday.mean(axis=1), (before | after).mean(axis=1), whose.max(axis=1), holidays.rest)
