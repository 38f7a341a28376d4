"""When a table held rows: the basis for its deliveries and its silences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from domain.recommender.holidays import NO_HOLIDAYS, Holidays
from domain.values import Slice

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Arrivals:
    """
    Bins of time that hold rows: `first` and `last` (n,) are the moments of the first and last row in each,
    unix seconds, ascending; `size` (n,) is its rows, or the sum of the measure; `width` is that of a bin in
    seconds. `at` is the time of the look (unix seconds), with the settle time already taken off.
    """

    first: Floats
    last: Floats
    size: Floats
    width: float
    at: float

    def where(self, kept: npt.NDArray[np.bool_]) -> Arrivals:
        """Those bins only."""
        return replace(self, first=self.first[kept], last=self.last[kept], size=self.size[kept])


@dataclass(frozen=True)
class Feeds:
    """
    Arrivals by slice, including the whole table (), and the zone in which people read the clock and the
    `holidays` begin; `back` is how far a look reaches, in seconds.
    """

    parts: Mapping[Slice, Arrivals]
    zone: ZoneInfo
    holidays: Holidays = NO_HOLIDAYS
    back: float = float("inf")

    def at(self, until: float) -> Feeds:
        """The same as it was at that moment (unix seconds): only bins that were complete by then."""
        parts: dict[Slice, Arrivals] = {}
        for where, held in self.parts.items():
            begin = np.floor(held.first / held.width) * held.width
            seen = held.where((begin >= until - self.back) & (begin + held.width <= until))
            if len(seen.first) or not where:
                parts[where] = replace(seen, at=until)
        return replace(self, parts=parts)
