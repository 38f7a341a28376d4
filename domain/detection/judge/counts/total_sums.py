"""
Several windows of a total, judged as one.

Windows of minutes scatter, and neighbours scatter together: each may hold a third too few by chance.
A quarter of an hour seldom does, an hour even less, so their sum shows what no single window can.
Sums have baselines of their own, learned from the same windows at the same looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Counts, Floats
from domain.detection.expect.total.baseline import Baseline, expected, learn
from domain.detection.expect.total.cycle import Cycle
from domain.detection.expect.total.holiday import SpecialDay
from domain.detection.expect.total.predictive import Expected
from domain.detection.judge.discovery import FALSE_ALARMS_PER_WEEK, WEEK_SECONDS
from domain.detection.judge.state import CheckState
from domain.detection.judge.usable import usable_counts

HOUR = 3_600  # seconds
OF_MINUTES, OF_HOURS = (300, 900, HOUR), (2 * HOUR, 4 * HOUR)
SUMS_PART = 0.5  # false alarms that sums may raise, relative to those of single windows
PARTS = 4  # steps in which a sum moves on: it is judged whenever a quarter of it is new


@dataclass(frozen=True)
class Sum:
    """
    The last `windows` together: what they held, what they should have held, and the level to judge that at.
    """

    windows: int
    observed: float
    expected: Expected
    level: float


def lengths(width_seconds: float) -> tuple[int, ...]:
    """
    How many windows are judged as one.

    >>> lengths(60), lengths(300), lengths(900), lengths(3_600), lengths(86_400)
    ((5, 15, 60), (3, 12), (4,), (2, 4), ())
    """
    seconds = OF_MINUTES if width_seconds < HOUR else OF_HOURS if width_seconds == HOUR else ()
    longer = (one for one in seconds if one > width_seconds and one % width_seconds == 0)
    return tuple(int(one // width_seconds) for one in longer)


def learn_sums(counts: Counts, state: CheckState, amounts: bool) -> tuple[Baseline, ...]:
    """
    The baselines of the sums before the last window, shortest first; without those of too few windows.

    Args:
        state: with the baseline of single windows as it is now.
    """
    past = counts.until(len(counts.total) - 2, len(counts.total))
    before = {one.width: one.special for one in state.sums}
    period = state.baseline.period if state.baseline is not None else None
    return learned_by_sums(replace(past, known=usable_counts(past, state)), amounts, before, period)


def learned_by_sums(
    past: Counts,
    amounts: bool,
    before: Mapping[float, tuple[SpecialDay, ...]] | None = None,
    period: float | None = None,
) -> tuple[Baseline, ...]:
    """
    Args:
        past: its `known` windows may be learned from.
        before: by the length of a sum in seconds, what is known of holidays that the past no longer reaches.
        period: of the season of single windows, which their sums follow if they can.
    """
    width, learned = past.grid.width.total_seconds(), list[Baseline]()
    for each in lengths(width):
        if len(past.total) < each:
            continue
        sums = past.merged(each)
        found = learn(
            sums.total,
            sums.local_seconds(),
            each * width,
            sums.known,
            amounts=amounts,
            special=sums.special_days(),
            before=(before or {}).get(each * width, ()),
            period=period,
        )
        learned += [found] if found else []
    return tuple(learned)


def last_sums(counts: Counts, state: CheckState) -> list[Sum]:
    """
    The sums that end with the last window and are judged there, shortest first. Leaves out those whose place
    in the season of the windows is not known yet, and those with some of what was wrong and is over.
    """
    width = counts.grid.width.total_seconds()
    season = state.baseline.period if state.baseline is not None else 0.0
    due = [one for one in state.sums if one.period >= season and _is_due(counts, round(one.width / width))]
    if not due:
        return []
    apart, found = usable_counts(counts, state.model_copy(update={"seen": {}})), list[Sum]()
    allowed = SUMS_PART * FALSE_ALARMS_PER_WEEK / len(state.sums)
    for baseline in due:
        each = round(baseline.width / width)
        if not apart[-each:].all():
            continue
        sums = counts.merged(each)
        usable = usable_counts(sums, state)
        local = sums.local_seconds()
        shape = in_shape(baseline, state.baseline, local)
        usual = expected(baseline, sums.total, local, usable, sums.special_days(), shape)
        if usual is not None:
            seconds = ceil(each / PARTS) * width
            found.append(Sum(each, float(sums.total[-1]), usual, allowed * seconds / WEEK_SECONDS))
    return found


def in_shape(sums: Baseline, windows: Baseline | None, local_seconds: npt.NDArray[np.int64]) -> Floats:
    """
    (n,) the factor by which a straight line between two places of the season misses a sum that begins then:
    what its windows usually hold together, over what they would hold on that line. 1 where that is not known.
    """
    missed = np.ones(len(local_seconds))
    if windows is None or not windows.period or not sums.period:
        return missed
    cell = sums.period / len(sums.rates)
    place = Cycle(sums.period, cell, 1, sums.until).at(local_seconds + sums.width / 2)[1]
    part = place - np.floor(place)
    low = np.round(local_seconds - part * cell).astype(np.int64)
    line = (1 - part) * _together(sums, windows, low) + part * _together(sums, windows, low + round(cell))
    known = np.isfinite(line) & (line > 0)
    missed[known] = _together(sums, windows, local_seconds)[known] / line[known]
    return np.where(np.isfinite(missed), missed, 1.0)


def _together(sums: Baseline, windows: Baseline, begins: npt.NDArray[np.int64]) -> Floats:
    """(n,) what the windows of sums that begin then usually hold, by the baseline of single windows."""
    steps = (windows.width * np.arange(round(sums.width / windows.width))).astype(np.int64)
    each = windows.usual((begins[:, None] + steps).ravel())
    return np.asarray(each.reshape(len(begins), len(steps)).sum(axis=1))


def _is_due(counts: Counts, each: int) -> bool:
    """Whether a quarter of the sum that ends with the last window is new since it was judged."""
    ends = round(counts.end(len(counts.total) - 1).timestamp() / counts.grid.width.total_seconds())
    return len(counts.total) >= each and ends % ceil(each / PARTS) == 0


def windows_as_one(windows: Baseline, sums: tuple[Baseline, ...], mean: float) -> float:
    """
    How many windows scatter as if they were one: 1 if they scatter independently, all of the longest sum if
    they scatter alike. Otherwise the evidence would be counted this many times over.

    Args:
        mean: what a window should hold.
    """
    if not sums:
        return 1.0
    longest = sums[-1]
    each = longest.width / windows.width
    of_one = windows.phi / max(mean, 1.0) + windows.scatter
    of_all = longest.phi / max(each * mean, 1.0) + longest.scatter
    return float(np.clip(each * of_all / of_one, 1.0, each))
