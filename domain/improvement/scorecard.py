"""How well the practice works and whether it gets better: the recent past beside everything before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

from domain.improvement.proportion import counted, more_than_before, share_of
from domain.improvement.spread import SURE, spread_of, times_as_long
from domain.incident.followed import CLOSED, standing
from domain.incident.outcome import cost_miss, held, miss_of
from domain.incident.state import Incident, Outcome
from domain.incident.times import DEFINITIONS, Definition, current
from domain.scored import Counted, FollowUps, Kept, Lost, Period, Proportion, Scorecard, TimeTaken
from domain.values import Estimate

DAY, WEEK = timedelta(days=1), timedelta(days=7)
MOST_WEEKS = 26
"""Longer spans are split into periods of four weeks."""

KindOf = Callable[[Outcome], str | None]
"""Gives the kind of an outcome's hotfix; None where it is no longer known."""


def score_practice(
    incidents: Iterable[Incident],
    at: datetime,
    since: datetime | None = None,
    kind_of: KindOf = lambda outcome: outcome.promise.kind or None,
    beside: Sequence[Definition] = (),
) -> Scorecard:
    """
    Fold incidents into one scorecard.

    Args:
        since: start of the recent period; None: all incidents are recent.
        beside: further definitions to measure times by, beside the current ones.
    """
    every = [one for one in incidents if one.opened_at <= at and one.merged_into is None]
    real = [incident for incident in every if incident.resolved_how != "false_alarm"]
    late, early = _parted(real, since)
    outcomes = [outcome for incident in real for outcome in incident.outcomes]
    definitions = [
        one for step in DEFINITIONS for one in (current(step), *(b for b in beside if b.step == step))
    ]
    return Scorecard(
        at=at,
        since=since,
        incidents=len(late),
        earlier=len(early),
        false_alarms=len(_parted(every, since)[0]) - len(late),
        glass_broken=sum(incident.glass_broken for incident in every),
        times=tuple(_taken(one, early, late, at) for one in dict.fromkeys(definitions)),
        proportions=(
            *(_proportion(asked, late, early) for asked in QUESTIONS),
            _proportion(FALSE_ALARMS, *_parted(every, since)),
            _promised(late, early),
        ),
        lost=_lost(late),
        follow_ups=_follow_ups(every, at),
        promises=_kept(outcomes, kind_of, lambda one: miss_of(one, one.promise.shown)),
        costs=_kept(outcomes, kind_of, lambda one: cost_miss(one.cost, one.promise.whole)),
    )


def _parted(incidents: Iterable[Incident], since: datetime | None) -> tuple[list[Incident], list[Incident]]:
    """The recent ones, and those before."""
    late, early = list[Incident](), list[Incident]()
    for one in incidents:
        (late if since is None or one.opened_at >= since else early).append(one)
    return late, early


def _taken(by: Definition, early: Sequence[Incident], late: Sequence[Incident], at: datetime) -> TimeTaken:
    before, lately = ([span for one in of if (span := by.took(one)) is not None] for of in (early, late))
    return TimeTaken(
        step=by.step,
        version=by.version,
        says=by.says,
        lately=spread_of(lately),
        before=spread_of(before),
        factor=times_as_long(before, lately),
        sure=_apart(times_as_long(before, lately, SURE), 1.0),
        periods=_periods(by, [*early, *late], at),
    )


def _periods(by: Definition, incidents: Sequence[Incident], at: datetime) -> tuple[Period, ...]:
    """By week up to now, or by four weeks; only periods with an incident whose time is known."""
    known = [(one.opened_at, span) for one in incidents if (span := by.took(one)) is not None]
    if not known:
        return ()
    at = datetime.combine(at.date() + DAY, time(), tzinfo=at.tzinfo)  # the same all day long
    long = at - min(opened for opened, _ in known) > MOST_WEEKS * WEEK
    width = 4 * WEEK if long else WEEK
    held: dict[int, list[timedelta]] = {}
    for opened, span in known:
        held.setdefault((at - opened) // width, []).append(span)
    return tuple(
        Period(begins=at - (ago + 1) * width, ends=at - ago * width, spread=spread_of(held[ago]))
        for ago in sorted(held, reverse=True)
    )


def _deployed(one: Incident) -> bool:
    acted = one.hotfix is not None and one.hotfix.applied_at is not None
    return acted or bool(one.spent) or bool(one.outcomes)


def _changed(one: Incident) -> bool:
    return one.followed is not None and one.followed.done_at is not None


@dataclass(frozen=True)
class Question:
    """What is counted: `so` is the answer for an incident, or None where it does not apply."""

    name: str
    says: str
    so: Callable[[Incident], bool | None]
    better: Literal["more", "fewer"] = "more"


FALSE_ALARMS = Question(
    "false alarms", "turned out to be no incident", lambda one: one.resolved_how == "false_alarm", "fewer"
)
"""The one question that also applies to false alarms."""

QUESTIONS = (
    Question("predicted", "predicted before it began", lambda one: one.kind == "predicted"),
    Question("reported", "reported by people before any check", lambda one: one.kind == "declared", "fewer"),
    Question(
        "named",
        "with a cause named",
        lambda one: one.diagnosis.cause is not None if one.diagnosis else None,
    ),
    Question(
        "repaired",
        "repaired by the hotfix that was deployed",
        lambda one: one.mitigated_at is not None if _deployed(one) else None,
    ),
    Question(
        "learned from",
        "with a change that is in place since",
        lambda one: _changed(one) if one.closed_at else None,
    ),
)


def _proportion(asked: Question, late: Sequence[Incident], early: Sequence[Incident]) -> Proportion:
    lately, before = (
        counted((so for one in of if (so := asked.so(one)) is not None), "incidents") for of in (late, early)
    )
    return _beside(asked.name, asked.says, asked.better, before, lately)


def _beside(
    name: str, says: str, better: Literal["more", "fewer"], before: Counted, lately: Counted
) -> Proportion:
    return Proportion(
        name=name,
        says=says,
        lately=lately,
        before=before,
        better=better,
        more=more_than_before(before, lately),
        sure=_apart(more_than_before(before, lately, SURE), 0.0),
    )


def _apart(change: Estimate | None, none: float) -> bool:
    """Whether the interval excludes `none`, no change."""
    if change is None or change.low is None or change.high is None:
        return False
    return not change.low <= none <= change.high


def _promised(late: Sequence[Incident], early: Sequence[Incident]) -> Proportion:
    """Counted over hotfixes, not incidents: whether the measurement lay within the menu's promise."""
    lately, before = (
        counted((held(by) for by in _misses(of) if by is not None), "promises") for of in (late, early)
    )
    return _beside("kept promises", "promises of hotfixes that held", "more", before, lately)


def _misses(incidents: Iterable[Incident]) -> Iterator[float | None]:
    for incident in incidents:
        for one in incident.outcomes:
            yield miss_of(one, one.promise.shown)


MOST_NAMED = 3


def _lost(late: Sequence[Incident]) -> tuple[Lost, ...]:
    """Where the time went in incidents that have ended: until found, acknowledged, diagnosed, resolved."""
    legs: dict[str, list[tuple[timedelta, int]]] = {}
    for one in late:
        for step, took in _legs(one):
            legs.setdefault(step, []).append((took, one.number))
    whole = sum((took for leg in legs.values() for took, _ in leg), timedelta(0))
    parts = (
        Lost(
            step=step,
            took=sum((took for took, _ in leg), timedelta(0)),
            of=whole,
            incidents=tuple(
                (number, took) for took, number in sorted(leg, reverse=True)[:MOST_NAMED] if took
            ),
        )
        for step, leg in legs.items()
    )
    return tuple(sorted((one for one in parts if one.took), key=lambda one: one.took, reverse=True))


def _legs(one: Incident) -> Iterable[tuple[str, timedelta]]:
    """The time from onset to end in consecutive parts; the time of a missing step goes to the next."""
    if one.resolved_at is None:
        return
    detected = current("detect").took(one)
    if detected is not None:
        yield "detect", detected
    reached = one.opened_at
    for step, moment in (
        ("acknowledge", one.acknowledged_at),
        ("diagnose", one.diagnosed_at),
        ("resolve", one.resolved_at),
    ):
        if moment is not None and moment > reached:
            yield step, min(moment, one.resolved_at) - reached
            reached = min(moment, one.resolved_at)


def _follow_ups(incidents: Iterable[Incident], at: datetime) -> FollowUps:
    followed = (standing(one, at) for one in incidents if one.followed is not None)
    stand = [one for one in followed if one is not None]
    return FollowUps(
        agreed=len(stand),
        done=sum(one.state == "done" for one in stand),
        open=sum(one.state not in CLOSED for one in stand),
        overdue=sum(one.overdue for one in stand),
    )


def _kept(
    outcomes: Iterable[Outcome], kind_of: KindOf, miss: Callable[[Outcome], float | None]
) -> tuple[Kept, ...]:
    """By kind, ordered by name; what people were shown counts, not what the log alone said."""
    missed: dict[str, list[float]] = {}
    for one in outcomes:
        kind, by = kind_of(one), miss(one)
        if kind is not None and by is not None:
            missed.setdefault(kind, []).append(by)
    return tuple(_row(kind, missed[kind]) for kind in sorted(missed))


def _row(kind: str, missed: Sequence[float]) -> Kept:
    kept = sum(map(held, missed))
    short = sum(by < 0 and not held(by) for by in missed)
    share = share_of(kept, len(missed), "promises that were measured")
    return Kept(kind=kind, promises=len(missed), held=kept, short=short, share=share)
