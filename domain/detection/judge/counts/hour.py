"""
An hour of short windows, judged as one.

Windows of minutes scatter, and neighbours scatter together: each of them may hold a third too few by chance.
An hour of them seldom does, so that what none of them can tell is told at the end of the hour. The hours have
a baseline of their own, learned from the same windows at the same looks as theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Counts, Floats
from domain.detection.data.special_days import SpecialDays, special_days
from domain.detection.expect.baseline import Baseline, expected, learn
from domain.detection.expect.holiday import SpecialDay
from domain.detection.expect.predictive import Expected
from domain.detection.judge.discovery import FALSE_ALARMS_PER_WEEK, WEEK_SECONDS
from domain.detection.judge.state import CheckState
from domain.detection.judge.usable import usable_counts

HOUR = 3_600  # seconds
HOUR_PART = 0.5  # of the false alarms, what hours may raise; the rest single windows
LEVEL = HOUR_PART * FALSE_ALARMS_PER_WEEK * HOUR / WEEK_SECONDS


@dataclass(frozen=True)
class Hours:
    """
    Whole hours of the local clock: `total` (n_hours,), `local_seconds` (n_hours,) at the start of each, and
    `usable` (n_hours,) those of whose windows each may be learned from; `special` their holidays.
    """

    total: Floats
    local_seconds: npt.NDArray[np.int64]
    usable: npt.NDArray[np.bool_]
    special: SpecialDays | None


def windows_an_hour(width: float) -> int:
    """How many windows of `width` seconds an hour is; 0 where it is one, or not a whole number of them."""
    return int(HOUR // width) if width < HOUR and HOUR % width == 0 else 0


def learn_hours(counts: Counts, state: CheckState, amounts: bool) -> Baseline | None:
    """The baseline of the whole hours before the last window; None where there are too few."""
    past = counts.until(len(counts.total) - 2, len(counts.total))
    before = state.hours.special if state.hours else ()
    return learned_by_hours(past, usable_counts(past, state), amounts, before)


def learned_by_hours(
    past: Counts, usable: npt.NDArray[np.bool_], amounts: bool, before: tuple[SpecialDay, ...] = ()
) -> Baseline | None:
    """
    Args:
        usable: (n_windows,) which may be learned from.
        before: what is known of holidays that the past no longer reaches.
    """
    hours = hours_of(past, usable)
    if not len(hours.total):
        return None
    return learn(
        hours.total,
        hours.local_seconds,
        HOUR,
        hours.usable,
        amounts=amounts,
        special=hours.special,
        before=before,
    )


def last_hour(counts: Counts, state: CheckState, baseline: Baseline) -> tuple[float, Expected] | None:
    """
    What the hour held that ends with the last window, and what it should have held. None where none ends
    there, or its place in the season is not known yet.
    """
    ends = int(counts.local_seconds()[-1] + counts.grid.width.total_seconds())
    if ends % HOUR:
        return None
    hours = hours_of(counts, usable_counts(counts, state))
    if not len(hours.total) or hours.local_seconds[-1] + HOUR != ends:
        return None
    usual = expected(baseline, hours.total, hours.local_seconds, hours.usable, hours.special)
    return None if usual is None else (float(hours.total[-1]), usual)


def windows_as_one(windows: Baseline, hours: Baseline, mean: float) -> float:
    """
    How many windows scatter as if they were one: 1 where each scatters for itself, all of an hour where they
    scatter alike. So many times over the evidence of each would count.

    Args:
        mean: what a window should hold.
    """
    each = HOUR / windows.width
    of_one = windows.phi / max(mean, 1.0) + windows.scatter
    of_an_hour = hours.phi / max(each * mean, 1.0) + hours.scatter
    return float(np.clip(each * of_an_hour / of_one, 1.0, each))


def hours_of(counts: Counts, usable: npt.NDArray[np.bool_]) -> Hours:
    """The windows added up, without those of an hour that is not there as a whole. `usable`: (n_windows,)."""
    local, each = counts.local_seconds(), windows_an_hour(counts.grid.width.total_seconds())
    hour, windows = np.unique(local // HOUR, return_counts=True)
    whole = np.isin(local // HOUR, hour[windows == each])
    shape = (-1, each)
    starts = local[whole].reshape(shape)[:, 0]
    return Hours(
        counts.total[whole].reshape(shape).sum(axis=1),
        starts,
        np.asarray(usable[whole].reshape(shape).all(axis=1)),
        special_days(starts, HOUR, counts.grid.holidays),
    )
