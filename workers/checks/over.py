"""Whether what was found is over: when to look, and whether its metric is back. As live, so in a backtest."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.detection.correlate.same_cause import BLIND
from domain.detection.judge.excluded import Past
from domain.detection.judge.state import CLEAR_AFTER
from domain.incident.commands import ClearFinding
from domain.incident.events.hotfix import WORTH_KEEPING
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.measure import measure
from workers.checks.plan import HOUR, plan, window_of

SHARP_ENOUGH = 2 / 3
"""Half the band, as a share of the gap that was found; a wider band could hold what was found as well."""

LONG_QUIET, QUIET_WINDOWS = timedelta(hours=4), 20
"""… and where it is wider: for so long, and so many windows, nothing has to be found any more."""

LOOKS_A_WINDOW, LATER = 4, 0.05
"""How often to look again, and of the time since it was last found; what lasts is seldom looked at."""


def first_look(recommender: Recommender, finding: Finding, at: datetime) -> datetime:
    """When a whole window has passed since the last one in which a check that says so now still found it."""
    check = recommender.checks.get(finding.check)
    if check is None or finding.unit in (BLIND, "seconds"):
        return at  # a silence is over with the first row
    planned = plan(recommender, check)
    looks = CLEAR_AFTER if planned.window < HOUR else 1
    return at - looks * planned.every + window_of(recommender, finding)


def back(recommender: Recommender, finding: Finding, at: datetime, past: Past | None) -> ClearFinding | None:
    """
    That the metric of `finding` is back; None while it is not, or its band is too wide to tell.

    A band that stays too wide would keep an incident open for ever, and hide the next in it. So what was
    long found no more is over, too, once the metric is nearer to what is usual than to what was found.

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
    # What took many windows to find is measured over as many; where they say too little, over all since then.
    for length in sorted({max(found_in, window), since}):
        now = measure(recommender, finding, end - length, end, past)
        if not now.within:
            return None
        if finding.unit == "seconds" or (now.blur(finding) or 0.0) <= SHARP_ENOUGH:
            return ClearFinding(observed=now.observed, expected=now.expected, window_end=end)
    quiet = since >= max(LONG_QUIET, QUIET_WINDOWS * window)
    if quiet and now.repaired(finding) >= WORTH_KEEPING:
        return ClearFinding(observed=now.observed, expected=now.expected, window_end=end)
    return None


def look_again(finding: Finding, at: datetime, width: timedelta) -> datetime:
    """When to look again at what is not back at `at`; `width` is a window of its check."""
    return at + max(width / LOOKS_A_WINDOW, LATER * (at - finding.window_end))
