"""
Evidence for the tests of the ML Test Score: checks that look again and again, and what incidents showed.

A check counts in full where it looked on schedule and could judge; in shadow mode, where it pages nobody, it
counts as manual. So does what a person did in an incident where everybody could read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.answer import Lacks, Proof
from domain.improvement.attestation import Attestation
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.keys.schedule import MINUTE, UPDATED, newest
from domain.recommender.recommender import Recommender
from domain.values import How, Moment, Value


class Evidencing(Protocol):
    """What a kind of check says of itself: the tests it is evidence for, and further ones when sliced."""

    @property
    def evidences(self) -> tuple[str, ...]: ...
    @property
    def by_slice(self) -> tuple[str, ...]: ...
    @property
    def sliced(self) -> str: ...


Kinds = Mapping[str, Evidencing]
"""Our kinds by name. A team's own kind is evidence for what its declaration names (`evidences`)."""

LOOKED_BACK = timedelta(days=28)
LEAST_JUDGED = 2  # looks that could judge: a single one is not a routine
MOST_FAILED = 0.05  # share of looks that failed
MISSED_LOOKS = 3  # consecutive looks that may be missing, for instance during a reinstallation
SLACK = timedelta(minutes=10)
INCIDENTS_BACK = timedelta(days=180)
TRACED = {"attribution", "reproduction"}
"""Kinds of evidence for which logged examples were run through the model again."""


class Looks(Value):
    """
    How one check's looks went within `LOOKED_BACK`, and the processor `seconds` they took; `failing`: the
    newest look failed.
    """

    count: int
    judged: int
    failed: int
    seconds: float = 0.0
    since: Moment
    last_at: Moment
    failing: bool


def evidenced_by(recommender: Recommender, check: Check, kinds: Kinds) -> tuple[str, ...]:
    """The tests that a check is evidence for: its kind's, those it earns by slicing, and its `evidences`."""
    if (kind := kinds.get(check.kind)) is None:
        return tuple(dict.fromkeys(check.evidences))
    table = recommender.tables.get(check.table or "")
    usual = table.dimensions if table and kind.sliced == "always" else ()
    sliced = usual if check.dimensions is None else check.dimensions
    by_slice = kind.by_slice if sliced else ()
    return tuple(dict.fromkeys((*kind.evidences, *by_slice, *check.evidences)))


def of_checks(
    recommender: Recommender, looks: Mapping[str, Looks], kinds: Kinds, at: datetime
) -> list[Proof]:
    """The proof that each declared check gives for each of its tests."""
    proofs: list[Proof] = []
    for check in recommender.checks.values():
        how, lacks, says = _judged(check, looks.get(check.name), longest_pause(recommender, check, at), at)
        kind = "" if check.name == check.kind else f"{check.kind} "
        of = f" ({kind}of {check.table})" if check.table else ""
        line = f"{check.name}{of}: {says}"
        proofs += (
            Proof(test=test, source="check", how=how, lacks=lacks, name=check.name, says=line)
            for test in evidenced_by(recommender, check, kinds)
        )
    return proofs


def _judged(
    check: Check, looks: Looks | None, pause: timedelta, at: datetime
) -> tuple[How | None, Lacks | None, str]:
    if looks is None:
        return None, "time", f"no check run in the last {LOOKED_BACK.days} days"
    count = "1 check run" if looks.count == 1 else f"{looks.count:,} check runs"
    ran = f"{count} since {_minute(looks.since)}, {looks.failed:,} failed"
    if looks.failing:
        return None, "health", f"its newest check run, at {_minute(looks.last_at)}, failed; {ran}"
    if at - looks.last_at > pause:
        return None, "health", f"has not run since {_minute(looks.last_at)}, longer than its schedule allows"
    if looks.failed > MOST_FAILED * looks.count:
        return None, "health", f"fails too often: {ran}"
    if looks.judged < LEAST_JUDGED:
        return None, "time", f"not enough history yet: {ran}, {looks.judged:,} judged"
    if check.shadow:
        return "manual", "voice", f"in shadow mode, nobody is alerted: {ran}"
    return "automatic", None, ran


def longest_pause(recommender: Recommender, check: Check, at: datetime) -> timedelta:
    """How old a check's newest look may be at `at` before the check is off schedule."""
    table = recommender.tables.get(check.table or "") or next(iter(recommender.tables.values()))
    window = check.window or table.window
    slack = table.settle + window + SLACK
    if check.schedule not in (None, UPDATED):
        zone = ZoneInfo(recommender.timezone)
        before = newest(check.schedule, newest(check.schedule, at, zone) - MINUTE, zone)
        return at - before + slack
    every = check.every or (table.every if check.window is None else None) or window
    return MISSED_LOOKS * max(every, window) + slack


def of_incidents(recommender: Recommender, incidents: Iterable[Incident], at: datetime) -> list[Proof]:
    """What was shown in incidents of the last `INCIDENTS_BACK`: examples traced, hotfixes that worked."""
    recent = [one for one in incidents if at - one.last_at <= INCIDENTS_BACK]
    traced = [one for one in recent if one.diagnosis and {e.kind for e in one.diagnosis.evidence} & TRACED]
    proofs = [Proof(test="infra-5", source="incidents", how="manual", says=_traced(traced))] if traced else []
    for hotfix in recommender.hotfixes.values():
        worked = [one for one in recent if _worked(one, hotfix.name)]
        if worked:
            says = f"“{hotfix.label}” worked in {_numbers(worked)}"
            proofs += (
                Proof(test=test, source="incidents", how="manual", name=hotfix.name, says=says)
                for test in hotfix.evidences
            )
    return proofs


def _traced(incidents: list[Incident]) -> str:
    again = "the diagnosis put logged examples through the model once more, feature by feature"
    return f"{again}, in {_numbers(incidents)}"


def _worked(incident: Incident, hotfix: str) -> bool:
    """Whether a hotfix was deployed in an incident and was measured to have repaired it."""
    taken = incident.hotfix
    option = incident.option(taken.option) if taken else None
    return bool(taken and taken.repaired_share and taken.applied_at and option and option.hotfix == hotfix)


def of_people(attestations: Iterable[Attestation], at: datetime) -> list[Proof]:
    """What people vouch for; an expired attestation is shown but no longer counts."""
    return [_vouched(one, stands=one.stands(at)) for one in attestations]


def _vouched(one: Attestation, *, stands: bool) -> Proof:
    return Proof(
        test=one.test,
        source="person",
        how=one.how if stands else None,
        lacks=None if stands else "renewal",
        says=f"{_HOW[one.how]}, {'attested until' if stands else 'expired on'} {_day(one.until)}",
        link=one.link,
        by=one.by,
        until=one.until,
    )


_HOW: Mapping[How, str] = {"manual": "done by hand", "automatic": "automated"}


def _numbers(incidents: list[Incident]) -> str:
    newest_first = sorted((one.number for one in incidents), reverse=True)
    named = ", ".join(f"#{number}" for number in newest_first[:3])
    return named + (f" and {len(newest_first) - 3} more" if len(newest_first) > 3 else "")


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"
