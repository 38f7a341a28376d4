"""The total of a table in one window, against its own season, level and scatter."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from domain.detection.baseline import LEAST_DAYS, LEAST_WINDOWS, Expected, expect
from domain.detection.counts import Counts
from domain.detection.discovery import WEEK_SECONDS, level, spend
from domain.detection.severity import severity_of
from domain.detection.state import CheckState, Spoiled, Verdict, confirm
from domain.detection.title import title_of
from domain.recommender.check import Check
from domain.values import Finding

SURELY_SOME = 20.0  # rows a window usually holds, above which an empty one is an outage
HABIT_AFTER = timedelta(days=LEAST_DAYS)


def usable_windows(counts: Counts, state: CheckState) -> npt.NDArray[np.bool_]:
    """
    (n_windows,) those that may be learned from: after the first row, and not while something was found.

    Neither from a hole that an outage left. When nearly all of the history was wrong, it is the new normal,
    and all of it counts.
    """
    usable = counts.known & ~holes(counts)
    good = usable.copy()
    for wrong in state.wrong(counts.end(len(usable) - 1)):
        good &= ~inside(counts, wrong)
    return good if int(good[:-1].sum()) >= LEAST_WINDOWS else usable


def holes(counts: Counts) -> npt.NDArray[np.bool_]:
    """
    (n_windows,) those without a row where windows usually hold so many that none at all is no chance.

    Only where the history is too short to show a habit: a table may well be silent every night.
    """
    filled = counts.total[counts.total > 0]
    short = len(counts.total) * counts.grid.width < HABIT_AFTER
    if not short or not len(filled) or float(np.median(filled)) < SURELY_SOME:
        return np.zeros(len(counts.total), dtype=bool)
    return np.asarray(counts.total <= 0)


def inside(counts: Counts, wrong: Spoiled) -> npt.NDArray[np.bool_]:
    """(n_windows,) those that overlap the time that was wrong."""
    width = counts.grid.width.total_seconds()
    first = counts.start(0).timestamp()
    starts = first + width * np.arange(len(counts.total))
    return np.asarray((starts + width > wrong.since.timestamp()) & (starts < wrong.until.timestamp()))


def expect_total(counts: Counts, state: CheckState) -> Expected | None:
    """What the last window should hold; None without enough history."""
    width = counts.grid.width.total_seconds()
    return expect(counts.total, counts.local_seconds(), width, usable_windows(counts, state))


def judge_volume(
    check: Check, counts: Counts, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    Whether the last window's total is what history leads one to expect.

    Returns:
        At most one finding: significant at the level this look may spend, *and* changed by the declared least
        share and least number of rows.
    """
    expected = expect_total(counts, state)
    if expected is None:
        return Verdict(state=state, judged=False, note="not enough history yet")
    width = counts.grid.width.total_seconds()
    alpha = level(state.wealth, looks_per_week or WEEK_SECONDS / width)
    observed = float(counts.total[-1])
    p_value = expected.p_value(observed)
    off = observed - expected.mean
    matters = abs(off) >= max(check.least_rows, check.least_change * expected.mean)
    wanted = check.direction == "both" or (check.direction == "drop") == (off < 0)
    found = p_value <= alpha and matters and wanted
    findings = [_finding(check, counts, expected, observed, p_value)] if found else []
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    return confirm(state, findings, width, counts.start(len(counts.total) - 1))


def _finding(check: Check, counts: Counts, expected: Expected, observed: float, p_value: float) -> Finding:
    low, high = expected.band()
    share = min(1.0, abs(observed - expected.mean) / max(expected.mean, 1.0))
    unit = check.measure or "rows"
    return Finding(
        check=check.name,
        table=check.table or "",
        window_start=counts.start(len(counts.total) - 1),
        window_end=counts.end(len(counts.total) - 1),
        observed=observed,
        expected=round(expected.mean, 2),
        low=low,
        high=high,
        unit=unit,
        p_value=p_value,
        severity=check.severity or severity_of(share, drop=observed < expected.mean),
        affected_share=share,
        title=title_of(check.table or "", (), observed, expected.mean, unit),
    )
