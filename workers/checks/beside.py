"""
Walks one more check over the past, beside the declared ones: when it would have reported something, and how
often it would have alarmed.

Walks and folds are the backtest's. It walks no more than the answer needs: the check in question alone, the
existing ones only around what it found, and each only as long as there is time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.detection.judge.state import ExcludedWindow, Verdict
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.checks.backtest import BacktestIncident, fold
from workers.checks.backtest_check import (
    Fault,
    all_at_once,
    backtest_check,
    each_by_itself,
    ends_of,
    walk,
)
from workers.checks.plan import Plan, plan
from workers.checks.quiet import quiet_on_trial

LEAD_WINDOWS = 4
"""Windows before the time asked about, for a check that must see something twice to know what is usual."""

FINELY = 4
"""Looks per window, when asking at what time a check would have reported something."""

APART, MOST_ASKED = timedelta(seconds=30), 40
"""
These looks are at least `APART` apart: reporting less than that sooner is no reason for another check. In a
longer span, of long windows, there are about `MOST_ASKED`.
"""

LOOKS_A_DAY = 24
"""
Looks per day, where each one asks the engine anew: one in every hour. After a look that saw something, the
next one is taken as well, because it may have to be seen twice.
"""

DAY, NO_TIME = timedelta(days=1), timedelta(0)
LEAST_LOOKS, MOST_LOOKS = 24, 2_000
"""Looks asked of the engine at once, or a day's looks if that is more: few at first, then twice as many."""

Looks = list[tuple[datetime, str, Verdict]]
Span = tuple[datetime, datetime]


class OutOfTime(Exception):
    """The walk had to stop before it reached an answer."""


@dataclass(frozen=True)
class Alarmed:
    """
    How many incidents a check added, and for how long it judged, back to `since`; that may be only parts of
    the time `covered`.
    """

    since: datetime
    alarms: int = 0
    judged: timedelta = timedelta(0)
    covered: timedelta = timedelta(0)


def first_reported(
    recommender: Recommender,
    name: str,
    span: Span,
    is_of: Callable[[Slice], bool],
    until: float,
) -> datetime | None:
    """
    When the check would first have reported a slice that `is_of` recognises, in (start, end]; None if it
    would not.

    What it already reported before `start`, and still reports, does not count. The check takes a few looks
    per window, and one per window before `start`, so a check that looks more often may have reported a little
    sooner than this says.

    Raises:
        OutOfTime: no answer was known by `until`, on the monotonic clock.
    """
    start, _end = span
    planned, ends = _closely(recommender, name, span)
    before = [one for one in ends if one + planned.table.settle <= start]
    once = before[:: -max(1, round(planned.window / planned.every))]
    known: set[str] = set()
    for at, verdict in _walked(recommender, planned, ends, until, set(before) - set(once)):
        found = [one for one in verdict.findings if is_of(one.slice) and not quiet_on_trial(recommender, one)]
        if at > start and any(one.fingerprint not in known for one in found):
            return at
        known = {one.fingerprint for one in found} if at <= start else known
        _in_time(until)
    _in_time(until)
    return None


def sees_it(
    recommender: Recommender, name: str, span: Span, is_of: Callable[[Slice], bool], until: float
) -> bool | None:
    """
    Whether the last look in (start, end] sees anything in a slice that `is_of` recognises, reported or not
    yet; also true if it cannot tell. None if the look cannot be taken.

    One look tells whether the others are worth taking: a lasting fault that was visible before is visible in
    it. It is judged without learning anything from the span itself, and, as sums of windows judge only what
    is not known to be wrong, as if nothing were known as well. The fault may have been visible even if this
    look had nothing to judge, as between two deliveries, or knows only what the check remembers. On the same
    tape, `first_reported` repeats no question that was asked here.
    """
    planned, ends = _closely(recommender, name, span)
    itself = ExcludedWindow(slice=(), since=span[0], until=span[1])
    for wrong in ((itself,), ()) if ends else ():
        looks = _walked(recommender, planned, ends, until, set(ends[:-1]), wrong)
        verdict = next((verdict for _at, verdict in looks), None)
        if verdict is None:
            return None
        if _may_see(verdict, is_of):
            return True
    return False


def _may_see(verdict: Verdict, is_of: Callable[[Slice], bool]) -> bool:
    if not verdict.judged or verdict.state.accepted is not None:
        return True
    seen = [one.slice for one in verdict.state.seen.values() if not one.blind]
    return any(map(is_of, (*seen, *(one.slice for one in verdict.findings))))


def alarms_before(
    recommender: Recommender,
    name: str,
    known: Alarmed,
    longest: timedelta,
    until: float,
    settled: Callable[[Alarmed], bool],
) -> Alarmed:
    """
    How many incidents the check adds to those of the other checks in `recommender`, and over how long it
    judged, including what is already `known`: walks back from there for `longest`, until the answer is
    `settled` or until `until`.

    It looks once per window: looks at overlapping windows see mostly the same rows. Where each look asks the
    engine anew, a sample of the day's looks stands for all of them.
    """
    planned = _every(plan(recommender, recommender.checks[name]), 1)
    length, oldest = max(DAY, LEAST_LOOKS * planned.every), known.since - longest
    most = max(DAY, MOST_LOOKS * planned.every)
    while known.since > oldest and not settled(known) and time.monotonic() < until:
        start = max(known.since - length, oldest)
        ends = _looked_at(recommender, planned, start, known.since)
        walked, stands_for = _some_or_all(recommender, planned, ends, known.since - start, until)
        looks = _as_time_allows(walked, name, until)
        since, later = _since_it_judges(looks, start)
        if later:
            judged = len(later) * planned.every
            opened = fold(_alone(recommender, [name]), since, known.since, later).incidents
            added = _added(recommender, name, opened, later, until)
            covered = sum((stands_for.get(at, NO_TIME) for at, _name, _verdict in later), known.covered)
            known = Alarmed(since, known.alarms + added, known.judged + judged, covered)
        elif start == oldest or length == most:
            break  # going further back would tell no more
        length = min(2 * length, most)
    return known


def _since_it_judges(looks: Looks, start: datetime) -> tuple[datetime, Looks]:
    """
    The looks from the first that judged, and when they begin: those before may have been too early. A later
    look that had nothing to judge, as between two deliveries, is as silent live.
    """
    first = next((place for place, (_at, _name, verdict) in enumerate(looks) if verdict.judged), len(looks))
    return looks[first - 1][0] if first else start, looks[first:]


def _some_or_all(
    recommender: Recommender, planned: Plan, ends: list[datetime], span: timedelta, until: float
) -> tuple[Iterator[tuple[datetime, Verdict]], dict[datetime, timedelta]]:
    """
    The looks of a time: all of them if one question answers for many, else a sample; and when a look is taken
    → how much of that time it stands for.
    """
    settle, some = planned.table.settle, max(1, round(LOOKS_A_DAY * (span / DAY)))
    looks = all_at_once(recommender, planned, ends)
    if looks is not None or len(ends) <= some:
        every = each_by_itself(recommender, planned, ends) if looks is None else looks
        walked = walk(recommender, planned, every)
        return _answered(walked, until), {end + settle: planned.every for end in ends}
    firsts = [place * len(ends) // some for place in range(some)]
    seconds = {ends[place + 1] for place in firsts if place + 1 not in firsts and place + 1 < len(ends)}
    taken = sorted(seconds.union(ends[place] for place in firsts))
    walked = walk(
        recommender,
        planned,
        each_by_itself(recommender, planned, taken),
        passed_over=lambda end, state: end in seconds and not state.seen,
    )
    stands_for = planned.every * (len(ends) / some)
    return _answered(walked, until), {ends[place] + settle: stands_for for place in firsts}


def _closely(recommender: Recommender, name: str, span: Span) -> tuple[Plan, list[datetime]]:
    """The check, with looks close enough to tell when it would have reported; and their window ends."""
    start, end = span
    whole = plan(recommender, recommender.checks[name])
    finely = min(whole.window / FINELY, (end - start) / MOST_ASKED)
    planned = replace(whole, every=max(whole.every, finely, min(APART, whole.window)))
    return planned, _looked_at(recommender, planned, start - LEAD_WINDOWS * planned.window, end)


def _every(planned: Plan, finely: int) -> Plan:
    return replace(planned, every=max(planned.every, planned.window / finely))


def _looked_at(recommender: Recommender, planned: Plan, start: datetime, end: datetime) -> list[datetime]:
    """The ends of the windows whose looks are taken in (start, end]."""
    settle = planned.table.settle
    return ends_of(recommender, planned, start - settle, end - settle)


def _walked(
    recommender: Recommender,
    planned: Plan,
    ends: list[datetime],
    until: float,
    skipped: Collection[datetime] = (),
    wrong: tuple[ExcludedWindow, ...] = (),
) -> Iterator[tuple[datetime, Verdict]]:
    """Looks that could be taken; stops at one that could not if by then it is past `until`."""
    return _answered(backtest_check(recommender, planned, ends, wrong=wrong, skipped=skipped), until)


def _answered(
    walked: Iterable[tuple[datetime, Verdict | Fault]], until: float
) -> Iterator[tuple[datetime, Verdict]]:
    for at, came_to in walked:
        if isinstance(came_to, Verdict):
            yield at, came_to
        elif time.monotonic() > until:
            break


def _as_time_allows(looks: Iterable[tuple[datetime, Verdict]], name: str, until: float) -> Looks:
    taken: Looks = []
    for at, verdict in looks:
        taken.append((at, name, verdict))
        if time.monotonic() > until:
            break
    return taken


def _added(
    recommender: Recommender, name: str, alarms: Sequence[BacktestIncident], looks: Looks, until: float
) -> int:
    """How many of the alarms the other checks would not have raised, or there is no time left to find out."""
    if not alarms:
        return 0
    others = [other for other in recommender.checks if other != name]
    spans = [(one.window_start, one.ended_at or looks[-1][0]) for one in alarms]
    theirs: Looks = []
    for other in others:
        planned = _every(plan(recommender, recommender.checks[other]), 1)
        for start, end in _joined(spans, LEAD_WINDOWS * planned.window):
            ends = _looked_at(recommender, planned, start, end)
            theirs += _as_time_allows(_walked(recommender, planned, ends, until), other, until)
    own = [look for look in looks if any(start <= look[0] <= end for start, end in spans)]
    every = _in_order([*theirs, *own])
    start, end = every[0][0], every[-1][0]
    today = fold(_alone(recommender, others), start, end, _in_order(theirs)).incidents
    return max(0, len(fold(recommender, start, end, every).incidents) - len(today))


def _joined(spans: Iterable[Span], lead: timedelta) -> Iterator[Span]:
    """The spans extended by their lead-up; those that meet are joined."""
    begun: Span | None = None
    for start, end in sorted(spans):
        if begun is not None and start - lead <= begun[1]:
            begun = (begun[0], max(begun[1], end))
            continue
        if begun is not None:
            yield begun
        begun = (start - lead, end)
    if begun is not None:
        yield begun


def _in_order(looks: Looks) -> Looks:
    return sorted(looks, key=lambda look: (look[0], look[1]))


def _alone(recommender: Recommender, names: Iterable[str]) -> Recommender:
    return recommender.model_copy(update={"checks": {name: recommender.checks[name] for name in names}})


def _in_time(until: float) -> None:
    if time.monotonic() > until:
        raise OutOfTime
