"""
The looks of checks at a time that has already been lived through, and what a case records of them.

They are the real looks over the tables as they were written (`checks.backtest_check`, `checks.fold`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from benchmarks.diagnosis.case import AFTER, MINUTE, Case, OpenedIncident
from domain.detection.judge.state import CheckState, Verdict
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.backtest_check import Fault, backtest_check, ends_of
from workers.checks.fold import Fold
from workers.checks.plan import Plan, plans_of
from workers.checks.quiet import quiet
from workers.checks.run import explained

HOUR, SELDOM = timedelta(hours=1), 10 * MINUTE

Schedule = Callable[[Recommender], list[Plan]]
"""The checks to walk, and how often each looks."""

CameTo = tuple[datetime, Verdict | Fault]
"""When a look is taken, and its result."""


def looks_of(recommender: Recommender) -> list[Plan]:
    """
    The checks, including those that nobody hears from, with how often each is walked: once a window, but at
    least a minute and at most ten minutes apart; half an hour, where windows are longer than an hour.
    """
    found = []
    for one in plans_of(recommender):
        seldom = AFTER if one.window > HOUR else SELDOM
        found.append(replace(one, every=max(one.every, min(one.window, seldom), MINUTE)))
    return found


class Walks:
    """
    The results of looks. Where two declarations look at equal tables, questions that both ask are asked once.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, timedelta, tuple[datetime, ...]], list[CameTo]] = {}

    def walked(
        self, recommender: Recommender, planned: Plan, ends: list[datetime], state: CheckState | None
    ) -> list[CameTo]:
        """When each look is taken, and its result; `state` is what the earlier looks left."""
        asked = planned.check.model_dump_json(), planned.every, tuple(ends)
        if asked not in self._known:
            self._known[asked] = list(backtest_check(recommender, planned, ends, state))
        return self._known[asked]


class LookBack:
    """
    The looks at what has been lived through, in order of time and only as far as they are asked for: once the
    first incident is named, no later look changes the case.
    """

    def __init__(
        self,
        recommender: Recommender,
        case: Case,
        plans: Iterable[Plan],
        start: datetime,
        end: datetime,
        walks: Walks | None = None,
    ) -> None:
        self._recommender, self._case, self._fold = recommender, case, Fold(recommender)
        self._states: list[tuple[Plan, CheckState | None]] = [(planned, None) for planned in plans]
        self._due: dict[datetime, list[Verdict]] = {}
        self._at, self._end, self._walks = start, end, walks or Walks()

    def until(self, end: datetime) -> None:
        """Take all looks due by then, after those already taken."""
        end = min(end, self._end)
        if end <= self._at:
            return
        self._states = [(planned, self._walked(planned, state, end)) for planned, state in self._states]
        self._at = end
        for at in sorted(self._due):
            if at <= end or end == self._end:
                self._fold_in(self._due.pop(at), at)

    def until_one_opens(self, ends: Iterable[datetime]) -> None:
        """Go on from end to end until an incident has been opened; the case then records it."""
        for end in ends:
            self.until(end)
            self._case.incidents, self._case.before = [], []
            record(self._case, self._fold)
            if self._case.incidents:
                break

    def _walked(self, planned: Plan, state: CheckState | None, end: datetime) -> CheckState | None:
        ends = ends_of(self._recommender, planned, self._at, end)
        for at, came_to in self._walks.walked(self._recommender, planned, ends, state):
            if isinstance(came_to, Fault):
                self._case.faults.append(came_to.says)
            else:
                self._due.setdefault(at, []).append(came_to)
                state = came_to.state
        return state

    def _fold_in(self, verdicts: list[Verdict], at: datetime) -> None:
        found = [finding for verdict in verdicts for finding in verdict.findings]
        self._case.seen += [(at, finding) for finding in found]
        cleared = [one for verdict in verdicts for one in verdict.cleared]
        take(self._fold, self._recommender, found, cleared, at)


def take(
    fold: Fold, recommender: Recommender, found: Iterable[Finding], cleared: Iterable[str], at: datetime
) -> None:
    """Record what a look found and what is over, as the log would."""
    findings = explained(recommender, found)
    known = fold.reported
    loud = [finding for finding in findings if quiet(recommender, finding, known) is None]
    for finding in loud:
        fold.take(finding, at)
    fold.clear(cleared, loud, at)


def record(case: Case, fold: Fold) -> None:
    """Enter the incidents into the case: those from before the strike, and those that came of it."""
    for one in fold.incidents:
        opened = one.incident.opened_at
        if opened <= case.struck_at:
            case.before.append(one.incident.title)
        else:
            case.incidents.append(OpenedIncident(one.findings[0], opened))
