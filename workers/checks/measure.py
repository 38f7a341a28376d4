"""
Measures a finding again: what raised it, as it is now, compared with the time before the incident.

    silence · metric · wrong rows · counts        read over [start, end) and over the good past
        ▼
    Measurement: what it is, what it should be, and whether it is back
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Counts
from domain.detection.data.window import Grid, grid_until, last_end
from domain.detection.expect.total.forecast import LEAST_WINDOWS
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.excluded import Past
from domain.detection.judge.judging import Again
from domain.detection.judge.state import CheckState, ExcludedWindow
from domain.detection.judge.usable import inside
from domain.detection.kind import Kind
from domain.errors import ConfigurationError, TooFewRows, Unmeasurable
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.check_run import check_run_of, read_needed
from workers.checks.plan import DAY, Plan, plan
from workers.declaration.check_kinds import blamed, find

MOST_MEASURED = 240  # past windows that a finding is compared with when it is measured again
MOST_LOST = 2  # further histories, beyond the declared one, read in place of times that were wrong


def measure(
    recommender: Recommender, finding: Finding, start: datetime, end: datetime, past: Past | None = None
) -> Measurement:
    """
    The metric that raised `finding`, now over [start, end): what it is, what it should be, and whether it is
    back.

    What it should be is learned only from the `past`: windows from before the incident in which nothing else
    was wrong, so that no incident becomes its own yardstick. Without a `past`, from the windows before the
    finding's own.

    Raises:
        SourceError: the table cannot be read. ConfigurationError: the check is gone. OwnCheckError:
            its kind cannot load, raises, or cannot measure.
    """
    check = recommender.checks.get(finding.check)
    if check is None:
        raise ConfigurationError(f'check "{finding.check}" is no longer declared; it cannot be measured')
    planned, before = plan(recommender, check), past or Past(before=finding.window_start)
    kind = find(check.kind)
    if kind.judging.measured is None:
        raise Unmeasurable(f'kind "{kind.name}" cannot be measured again; judge it yourself')
    again = Again[Any](finding, before, start)
    whole = check_run_of(recommender, planned, _grid(planned, again, end))
    now = kind.judging.narrowed(whole, finding)
    if kind.judging.over == "apart":
        data = read_past(now, before, finding.window_start)
        again = replace(again, present=read_needed(kind, now, again.memory))
    elif kind.judging.over == "since":
        now = replace(now, history=end - start)
        data = read_needed(kind, now, again.memory)
    else:
        data = _needed(kind, now, again)
    with blamed(kind.name, kind=kind):
        return kind.judging.measured(now, data, again)


def _needed(kind: Kind[Any, Any], now: CheckRun, again: Again[Any]) -> Any:
    try:
        return read_needed(kind, now, again.memory)
    except TooFewRows as few:
        raise TooFewRows(f"{few}; it is too early to measure") from few


def _grid(planned: Plan, again: Again[Any], end: datetime) -> Grid:
    """The windows to read, given what the kind needs to measure again; see `judging.Over`."""
    zone, width, days = planned.zone, end - again.start, planned.holidays
    match find(planned.check.kind).judging.over:
        case "windows":
            reach = planned.history + max(end - again.past.before, timedelta(0))
            return planned.grid(end, reach)
        case "whole":
            since = max(again.start - again.finding.window_start, timedelta(0))
            reach = min(planned.history, MOST_MEASURED * width) + since
            return grid_until(end, width, reach, zone, days)
        case "apart" | "since":
            return Grid(again.start, width, 1, ((again.start, 0),), zone, days)


def read_past(now: CheckRun, past: Past, beat: datetime) -> Counts:
    """
    As much good history from before an incident as the check asks for; all of it if hardly any was good.

    Args:
        beat: where a window of the incident begins; windows of the past are aligned to it.
    """
    zone, width = now.recommender.zone, now.window
    end = beat - max(0, ceil((beat - past.before) / width)) * width
    if not width % DAY:
        end = last_end(min(past.before, beat), width, width, zone)
    lost = sum((_overlap(wrong, end - now.history, end) for wrong in past.wrong), timedelta(0))
    reach = now.history + min(lost, MOST_LOST * now.history)
    before = replace(now, grid=grid_until(end, width, reach, zone, now.recommender.holidays))
    counts: Counts = read_needed(find(now.check.kind), before, CheckState())
    good = counts.known.copy()
    for wrong in past.wrong:
        good &= ~inside(counts, wrong)
    return replace(counts, known=good) if int(good.sum()) >= LEAST_WINDOWS else counts


def _overlap(wrong: ExcludedWindow, start: datetime, end: datetime) -> timedelta:
    return max(timedelta(0), min(wrong.until, end) - max(wrong.since, start))
