"""
The anomaly scores of one look, computed once for the looks before and after it.

A window is judged by what lies before it, so the scores of a long past contain those of each of its windows,
as long as the same windows are left out. They are recomputed when an anomaly begins or ends, and when the
past moves on: it begins at a multiple of some number of windows, the same for a single look as for one of
many, so that both give the same result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from domain.detection.data.metric import Metric
from domain.detection.data.window import DAY
from domain.detection.judge.series.alerting import normal_windows, stand_windows
from domain.detection.judge.series.anomaly_score import (
    AnomalyScore,
    Marks,
    Past,
    anomaly_scores,
    least_past,
    past_of,
)
from domain.detection.judge.state import CheckState, ExcludedWindow
from domain.values import Slice

BLOCK_SHARE = 0.125  # of the past, the step in which its beginning moves on


@dataclass(frozen=True)
class Shared:
    """The scores of a stretch of windows from `first` on, and what was left out of them."""

    first: int
    past: Past
    scores: tuple[AnomalyScore, ...]


def scores_of(metric: Metric, where: Slice, state: CheckState) -> tuple[AnomalyScore, ...] | None:
    """The scores of the slice, the judged window last; None if too little may be learned from."""
    first, last = _begin(metric), metric.first + metric.count - 1
    stretch = metric.part(first, last + 1 + _block(metric), where)
    place, here = len(stretch.slices) - 1, last - first
    usable, counted = usable_windows(stretch, place, state, here)
    known = np.isfinite(stretch.values(place)[:here])
    if int((usable[:here] & known).sum()) < least_past(metric.a_day):
        return None
    shared: Shared | None = metric.kept.get(where)
    if shared is None or not _serves(shared, first, here, usable, counted):
        past = past_of(stretch, place, usable, counted)
        shared = metric.kept[where] = Shared(first, past, anomaly_scores(past))
    return tuple(score.until(here) for score in shared.scores)


def usable_windows(
    metric: Metric, place: int, state: CheckState, judged: int | None = None
) -> tuple[Marks, Marks]:
    """
    (n_windows,) those that the expectation is learned from, and those that the tail is learned from.

    Nothing is expected from an anomaly until it has stood for `normal_after`: then it is the new
    normal. In the tail its first hours count once it is over, unless somebody confirmed that it
    was an incident. If nearly all of the past before the judged window was wrong, all of it counts.
    Holidays teach nothing.
    """
    where, judged = metric.slices[place], metric.count - 1 if judged is None else judged
    special = metric.special_days
    ordinary = np.ones(metric.count, dtype=bool) if special is None else ~special.marked
    usable, counted = ordinary.copy(), ordinary.copy()
    for since, until, counts in _wrong(metric, where, state):
        begun, ended = _inside(metric, since, until)
        usable[begun:ended] = False
        counted[begun + counts : ended] = False
    known, enough = np.isfinite(metric.values(place)[:judged]), least_past(metric.a_day)
    if int((usable[:judged] & known).sum()) < enough:
        usable[:] = True
    if int((counted[:judged] & known).sum()) < enough:
        counted[:] = True
    return usable, counted


def normal_after(width: timedelta) -> timedelta:
    """How long an anomaly in windows of this width stands before it is the new normal."""
    return normal_windows(max(int(DAY / width), 1)) * width


def _wrong(metric: Metric, where: Slice, state: CheckState) -> Iterator[tuple[datetime, datetime, int]]:
    """
    The times that were wrong for this slice (only their beginning, if nobody confirmed them), and how many of
    their windows count in the tail.
    """
    longest, first = normal_after(metric.grid.width), stand_windows(metric.a_day) + 1
    for wrong, counts in _found(metric, state, first):
        one, other = set(wrong.slice), set(where)
        if one <= other or other <= one:
            known = counts == 0 and wrong.confirmed
            yield wrong.since, wrong.until if known else min(wrong.until, wrong.since + longest), counts


def _found(metric: Metric, state: CheckState, first: int) -> Iterator[tuple[ExcludedWindow, int]]:
    """What is known to have been wrong, what the check found, and what stands."""
    for known in state.known:
        yield known, 0 if known.confirmed else first
    for over in state.excluded:
        yield over, first
    for seen in state.seen.values():
        if not seen.blind:
            stands = ExcludedWindow(slice=seen.slice, since=seen.since, until=metric.end, confirmed=False)
            yield stands, 0


def _inside(metric: Metric, since: datetime, until: datetime) -> tuple[int, int]:
    """The first of the windows that overlap [since, until), and the first after them."""
    width, start = metric.grid.width.total_seconds(), metric.edge(0).timestamp()
    begun = int(np.floor((since.timestamp() - start) / width))
    ended = int(np.ceil((until.timestamp() - start) / width))
    return max(begun, 0), max(ended, 0)


def _serves(shared: Shared, first: int, here: int, usable: Marks, counted: Marks) -> bool:
    return (
        shared.first == first
        and len(shared.past.y) > here
        and np.array_equal(shared.past.usable[:here], usable[:here])
        and np.array_equal(shared.past.counted[:here], counted[:here])
    )


def _block(metric: Metric) -> int:
    return max(int(BLOCK_SHARE * metric.count), 1)


def _begin(metric: Metric) -> int:
    """Where in the grid a look begins to learn: at the first multiple of a block of windows."""
    width = metric.grid.width
    whole_days = width % DAY == timedelta(0)
    start = float(metric.local_seconds[0]) if whole_days else metric.edge(0).timestamp()
    return metric.first + -int(start // width.total_seconds()) % _block(metric)
