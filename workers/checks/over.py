"""Decides whether a finding is over: when to look, and whether its metric is back. Live and in backtests."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.detection.correlate.same_cause import BLIND
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.excluded import Past
from domain.detection.judge.state import CLEAR_AFTER
from domain.incident.commands import ClearFinding
from domain.incident.events.hotfix import WORTH_KEEPING
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.measure import measure
from workers.checks.plan import HOUR, plan, window_of

SHARP_ENOUGH = 2 / 3
"""Half the band as a share of the gap that was found: a wider band might also contain the faulty value."""

LONG_QUIET, QUIET_WINDOWS = timedelta(hours=4), 20
"""For how long, and how many windows, a check must be silent before a wider band is accepted."""

LOOKS_A_WINDOW, BACKOFF = 4, 0.05
"""Looks at an incident that is not over yet: this many per window, then ever fewer, by the time since it was
last found."""


def first_look(recommender: Recommender, finding: Finding, at: datetime) -> datetime:
    """When a full window has passed since the last one in which the check, silent now, still found it."""
    check = recommender.checks.get(finding.check)
    if check is None or finding.unit in (BLIND, "seconds"):
        return at  # a silence is over with the first row
    planned = plan(recommender, check)
    looks = CLEAR_AFTER if planned.window < HOUR else 1
    return at - looks * planned.every + window_of(recommender, finding)


def back(recommender: Recommender, finding: Finding, at: datetime, past: Past | None) -> ClearFinding | None:
    """
    The clearing of `finding` if its metric is back; None while it is not, or while its band is too wide to
    tell: see `sharp_enough` and `long_quiet`.

    Raises:
        RecsysopsError, ValueError: it cannot be measured, see `measure`.
    """
    table = recommender.tables.get(finding.table)
    end = at - (table.settle if table else timedelta(0))
    if finding.unit == BLIND:
        return ClearFinding(observed=1.0, expected=1.0, window_end=end)
    window = window_of(recommender, finding)
    since = max(end - finding.window_end, window)
    found_in = min(finding.window_end - finding.window_start, since)
    # What took many windows to find is measured over as many; if those tell too little, over all since then.
    for length in sorted({max(found_in, window), since}):
        now = measure(recommender, finding, end - length, end, past)
        if not now.within:
            return None
        if sharp_enough(now, finding) or (length == since and long_quiet(now, finding, since, window)):
            return ClearFinding(observed=now.observed, expected=now.expected, window_end=end)
    return None


def sharp_enough(now: Measurement, finding: Finding) -> bool:
    """Whether the band is too narrow to hold what was found, so that being within it means something."""
    return finding.unit == "seconds" or (now.blur(finding) or 0.0) <= SHARP_ENOUGH


def long_quiet(now: Measurement, finding: Finding, since: timedelta, window: timedelta) -> bool:
    """
    Whether the check has been silent for long, and the metric is closer to normal than to what was found.

    Without this an incident whose band stays too wide would never end, and would swallow the next one.

    Args:
        since: the time since the finding; `window` is that of its check.

    >>> drop = Finding(check="c", table="t", window_start=0, window_end=60, observed=40, expected=100,
    ...                p_value=0, severity="SEV2", title="60 % fewer rows")
    >>> now = Measurement(observed=80, expected=100, low=10, high=190, p_value=0.5)
    >>> [long_quiet(now, drop, timedelta(hours=hours), timedelta(minutes=1)) for hours in (3, 5)]
    [False, True]
    """
    return since >= max(LONG_QUIET, QUIET_WINDOWS * window) and now.repaired(finding) >= WORTH_KEEPING


def look_again(finding: Finding, at: datetime, width: timedelta) -> datetime:
    """When to look again at an incident that is not over at `at`; `width` is a window of its check."""
    return at + max(width / LOOKS_A_WINDOW, BACKOFF * (at - finding.window_end))
