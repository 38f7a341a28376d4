"""
Looks at a past window exactly as it was seen then: the same question gives the same answer at any time.

Nothing is remembered and the log is not consulted. A check with short windows needs several looks before it
is sure, so the looks that precede the window are taken too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from domain.detection.judge.state import CONFIRM_SHORT, CheckState, Verdict
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.backtest_check import backtest_check, ends_of
from workers.checks.plan import HOUR, Plan, plans_of
from workers.checks.run import RunResult, explained, fault
from workers.declaration.check_kinds import found


def look_at(recommender: Recommender, at: datetime) -> RunResult:
    """What each check finds in its newest window that was complete at `at`; later rows are ignored."""
    findings, notes = list[Finding](), dict[str, str]()
    for planned in plans_of(recommender):
        verdict = _verdict(recommender, planned, at)
        findings += verdict.findings
        notes |= {planned.check.name: verdict.note} if verdict.note else {}
    return RunResult(findings=explained(recommender, findings), notes=notes)


def _verdict(recommender: Recommender, planned: Plan, at: datetime) -> Verdict:
    end = planned.last_end(at - planned.table.settle)
    ends = ends_of(recommender, planned, end - _before(planned), end)
    *_before_it, (_at, came_to) = backtest_check(recommender, planned, ends)
    if isinstance(came_to, Verdict):
        return came_to
    return fault(planned, end, SourceError(came_to.says), CheckState())


def _before(planned: Plan) -> timedelta:
    """How far before the last look to begin, for the check to be sure of that look."""
    kind = found(planned.check.kind)
    if planned.window >= HOUR or (kind is not None and not kind.confirmed):
        return planned.every
    # A surge is reported only after it was seen in two windows that share no row.
    return (ceil(planned.window / planned.every) + CONFIRM_SHORT) * planned.every
