"""Which windows may be learned from: those in which the table had begun and nothing was wrong."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Counts
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.data.window import Grid
from domain.detection.expect.total.forecast import DAYS_KNOWN
from domain.detection.judge.state import CheckState, ExcludedWindow

SURELY_SOME = 20.0  # rows that a window usually holds, above which an empty one is an outage
PROFILE_AFTER = timedelta(seconds=DAYS_KNOWN)


def usable_counts(counts: Counts, state: CheckState) -> npt.NDArray[np.bool_]:
    """
    (n_windows,) those that may be learned from: after the first row, and not while something was found.

    Holes left by an outage are excluded too. What is found does not become usual by lasting, unless it lasts
    until it is accepted (`CheckState.wrong`).
    """
    good = counts.known & ~holes(counts)
    for wrong in state.wrong(counts.end(len(good) - 1)):
        good &= ~inside(counts, wrong)
    return good


def holes(counts: Counts) -> npt.NDArray[np.bool_]:
    """
    (n_windows,) the empty ones, if windows usually hold so many rows that an empty one is no chance.

    Only if the history is too short to show a season: a table may well be silent every night.
    """
    filled = counts.total[counts.total > 0]
    short = len(counts.total) * counts.grid.width < PROFILE_AFTER
    if not short or not len(filled) or float(np.median(filled)) < SURELY_SOME:
        return np.zeros(len(counts.total), dtype=bool)
    return np.asarray(counts.total <= 0)


def inside(counts: Counts | RatioCells, wrong: ExcludedWindow) -> npt.NDArray[np.bool_]:
    """(n_windows,) those that overlap the time that was wrong."""
    width = counts.grid.width.total_seconds()
    first = counts.start(0).timestamp()
    starts = first + width * np.arange(len(counts.total))
    return np.asarray((starts + width > wrong.since.timestamp()) & (starts < wrong.until.timestamp()))


def learnable(
    grid: Grid, first: int, windows: int, state: CheckState, least: int, held: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """
    (windows,) which may be learned from: not the judged last one, nor one in which something was wrong.

    If nearly all of the history was wrong, it is the new normal, and all of it counts. Holidays are learned
    from only for another holiday.

    Args:
        held: (windows,) those with any row at all.
        held: (windows,) those with any row at all.
    """
    usable = held.copy()
    usable[-1] = False
    starts = np.array([grid.edge(first + place).timestamp() for place in range(windows + 1)])
    good = usable & _like_the_judged(grid, first, windows)
    for wrong in state.wrong(grid.edge(first + windows)):
        good &= ~((starts[1:] > wrong.since.timestamp()) & (starts[:-1] < wrong.until.timestamp()))
    return good if int(good.sum()) >= least else usable


def _like_the_judged(grid: Grid, first: int, windows: int) -> npt.NDArray[np.bool_]:
    """(windows,) all but holidays, if the last one is not a holiday."""
    special = grid.special_days()
    if special is None or special.marked[first + windows - 1]:
        return np.ones(windows, dtype=bool)
    return np.asarray(~special.marked[first : first + windows])
