"""Demand over time: nights at a fifth of the evenings, weekends, holidays, and members who join."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from .catalogue import microseconds

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HOUR, DAY = 3_600_000_000, 86_400_000_000  # microseconds
THURSDAY, SATURDAY = 3, 5  # 1970 began on a Thursday; weekdays count from Monday
HOURS = np.array([0.0, 2.0, 4.5, 7.0, 9.0, 12.0, 15.0, 18.0, 20.5, 22.5, 24.0])
WORKDAY = np.array([0.60, 0.33, 0.20, 0.36, 0.50, 0.60, 0.58, 0.84, 1.00, 0.86, 0.60])
FREE_DAY = np.array([0.64, 0.38, 0.20, 0.28, 0.50, 0.84, 0.90, 0.95, 1.00, 0.90, 0.64])
WEEKDAYS = np.array([1.0, 0.98, 0.98, 1.0, 1.08, 1.14, 1.12])
HOLIDAYS = {(1, 1), (5, 1), (12, 25), (12, 26)}  # month, day
ON_A_HOLIDAY = 1.25
FOUNDED, JOINING_DAYS, BEFORE_DAYS = 0.6, 360, 120
"""The part of all members that had joined this many days before the cinema opened; the rest join evenly."""


@dataclass(frozen=True)
class Crowd:
    """
    Visitors beyond the usual, or missing.

    `rate` gives (n,) factors of the demand at (n,) times, at most `most`; `rails` (rails,) is how much more
    often than usual the members of each rail come.
    """

    rate: Callable[[Ints], Floats] = lambda times: np.ones(len(times))
    most: float = 1.0
    rails: Floats | None = None


@dataclass(frozen=True)
class Demand:
    """
    Requests a second: `mean` is over an ordinary week around the time `opened`, when the cinema began.

    `crowds` are what raises or lowers the demand.
    """

    mean: float
    opened: datetime
    crowds: tuple[Crowd, ...] = ()

    def rate(self, times: Ints) -> Floats:
        """(n,) requests a second at each of (n,) times, microseconds since 1970."""
        usual = np.asarray(self.mean * rhythm(times) * self.growth(times))
        for crowd in self.crowds:
            usual = usual * crowd.rate(times)
        return usual

    def most(self, start: int, end: int) -> float:
        """Requests a second that no moment of [start, end) exceeds."""
        grown = float(self.growth(np.array([start, end], dtype=np.int64)).max())
        return self.mean * grown * BUSIEST * ON_A_HOLIDAY * math.prod(crowd.most for crowd in self.crowds)

    def growth(self, times: Ints) -> Floats:
        """(n,) members at each time, as a fraction of those when it opened."""
        opened = np.array([microseconds(self.opened)], dtype=np.int64)
        return np.asarray(share_joined(times, self.opened) / share_joined(opened, self.opened)[0])


def share_joined(times: Ints, opened: datetime) -> Floats:
    """(n,) the part of all members that have joined by each time."""
    passed = (times - microseconds(opened)) / DAY + BEFORE_DAYS
    return np.asarray(np.clip(FOUNDED + (1 - FOUNDED) * passed / JOINING_DAYS, FOUNDED, 1.0))


def joining_times(members: int, turn: float, opened: datetime) -> Ints:
    """
    (members,) when each member of a group joins, in order, microseconds since 1970; the first are there from
    the beginning.

    Args:
        turn: 0–1, the phase of this group's joins in the interval between two of them: groups take turns.
    """
    place = (np.arange(members) + turn) / members
    days = np.clip((place - FOUNDED) / (1 - FOUNDED), 0.0, 1.0) * JOINING_DAYS - BEFORE_DAYS
    return microseconds(opened) + np.asarray(days * DAY, dtype=np.int64)


def rhythm(times: Ints) -> Floats:
    """(n,) requests as a fraction of an ordinary week's mean; days are in UTC."""
    days, inside = times // DAY, (times % DAY) / HOUR
    weekdays = (days + THURSDAY) % 7
    known, which = np.unique(days, return_inverse=True)
    holiday = np.array([_holiday(int(day)) for day in known], dtype=bool)[which]
    free = holiday | (weekdays >= SATURDAY)
    curve = np.where(free, np.interp(inside, HOURS, FREE_DAY), np.interp(inside, HOURS, WORKDAY))
    return np.asarray(curve * WEEKDAYS[weekdays] * np.where(holiday, ON_A_HOLIDAY, 1.0) / WEEKLY_MEAN)


def _holiday(day: int) -> bool:
    then = date(1970, 1, 1) + timedelta(days=day)
    return (then.month, then.day) in HOLIDAYS


def _mean(curve: Floats) -> float:
    """The mean of a curve over the hours of a day."""
    return float(np.trapezoid(curve, HOURS) / 24)


WEEKLY_MEAN = float(
    (WEEKDAYS[:SATURDAY].sum() * _mean(WORKDAY) + WEEKDAYS[SATURDAY:].sum() * _mean(FREE_DAY)) / 7
)
BUSIEST = float(WEEKDAYS.max() * max(WORKDAY.max(), FREE_DAY.max())) / WEEKLY_MEAN
