"""
The record of each check: how often it alarmed, how often it was right, and what everyone missed.

What a check finds in shadow, or while its metric was announced to be off, pages no one. It is recorded as an
alarm all the same, and compared with the incidents of the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Literal, NamedTuple

from domain.improvement.advice import Advice, Judged, advise, precision, recall
from domain.improvement.evidenced import Looks
from domain.incident.state import Incident
from domain.incident.times import durations
from domain.recommender.check import Check
from domain.recommender.recommender import SHADOW
from domain.values import Estimate, Finding, Moment, Severity, Slice, Value

SETTLED_AFTER = timedelta(days=7)  # an alarm without a matching incident by then was false
LEAST_DAYS = timedelta(days=14)  # on record, before a check may page people
LEAST_CONFIRMED = 3  # alarms that were right
LEAST_PRECISION = 0.75  # share of the judged alarms that were right
MOST_FALSE_A_WEEK = 1.0  # false alarms
MOST_ALARMS = 2_000  # kept of one check; the oldest go first

DAY = timedelta(days=1)
NEVER_LOOKED: Mapping[str, Looks] = {}

Outcome = Literal["confirmed", "false", "undecided"]


class Alarm(Value):
    """
    A finding that paged no one, from its first window to its last; `quiet` says why: "shadow", what was
    planned ("planned: a launch"), or the item it came from that has ended ("ended everywhere: film 7").
    `told_at` is when people would have been told.
    """

    fingerprint: str
    title: str
    table: str
    slice: Slice = ()
    severity: Severity
    quiet: str
    since: Moment
    told_at: Moment
    until: Moment
    findings: int = 1


class Record(Value):
    """
    What is known of one check. `shadow`: only its alarms in shadow count, else only incidents that it opened.

    `missed` are the numbers of incidents that people had to declare while the check was on record, as no
    check had found them. `to_detect` is the median time to detect of the confirmed ones. `quiet` counts
    alarms during planned times or at the end of an item. `verdict` says in words whether the record is good
    enough to page people, and what it lacks. `unseen` are the real incidents of its table that other checks
    found and it did not; `precision` is the share of its judged alarms that were right, `recall` the share of
    everything found in its table that it found. `seconds_a_day` is processor time, by its newest looks.
    `advice` is what should become of it.
    """

    check: str
    shadow: bool
    since: Moment | None
    alarms: int
    confirmed: int
    false: int
    undecided: int
    quiet: int
    missed: tuple[int, ...]
    to_detect: timedelta | None
    earned: bool
    verdict: str
    unseen: tuple[int, ...] = ()
    precision: Estimate | None = None
    recall: Estimate | None = None
    last_right: Moment | None = None
    seconds_a_day: float | None = None
    advice: Advice | None = None


def written(alarms: Sequence[Alarm], finding: Finding, quiet: str, at: datetime) -> tuple[Alarm, ...]:
    """
    The alarms with one more finding: it extends an alarm whose last window is at most one window back, and
    the same finding reported twice counts once.
    """
    width = finding.window_end - finding.window_start
    for place in range(len(alarms) - 1, -1, -1):
        known = alarms[place]
        if (known.fingerprint, known.quiet) != (finding.fingerprint, quiet):
            continue
        if finding.window_end <= known.until:
            return tuple(alarms)
        if finding.window_start <= known.until + max(width, timedelta(minutes=1)):
            more = {"until": finding.window_end, "findings": known.findings + 1}
            return (*alarms[:place], known.model_copy(update=more), *alarms[place + 1 :])
        break
    alarm = Alarm(
        fingerprint=finding.fingerprint,
        title=finding.title,
        table=finding.table,
        slice=finding.slice,
        severity=finding.severity,
        quiet=quiet,
        since=finding.window_start,
        told_at=at,
        until=finding.window_end,
    )
    return (*alarms, alarm)[-MOST_ALARMS:]


def records(
    checks: Iterable[Check],
    incidents: Sequence[Incident],
    alarms: Sequence[tuple[str, Alarm]],
    since: dict[str, datetime],
    at: datetime,
    looks: Mapping[str, Looks] = NEVER_LOOKED,
) -> tuple[Record, ...]:
    """
    The record of each check.

    Args:
        alarms: (check, alarm) of all checks.
        since: check → when it first ran as it is now, in shadow or not.
        looks: check → how its looks went lately.
    """
    unseen = [incident for incident in incidents if _nobody_found(incident, incidents, alarms, at)]
    return tuple(
        _record(
            check,
            incidents,
            [alarm for name, alarm in alarms if name == check.name],
            [one.number for one in unseen if one.opened_at >= since.get(check.name, at)],
            since.get(check.name),
            at,
            looks.get(check.name),
        )
        for check in checks
    )


def _record(
    check: Check,
    incidents: Sequence[Incident],
    alarms: Sequence[Alarm],
    missed: Sequence[int],
    since: datetime | None,
    at: datetime,
    looks: Looks | None,
) -> Record:
    spoken = list(
        _shadowed(check, incidents, alarms, since, at) if check.shadow else _opened(check, incidents, since)
    )
    took = [one.took.total_seconds() for one in spoken if one.outcome == "confirmed" and one.took is not None]
    count = {name: sum(one.outcome == name for one in spoken) for name in ("confirmed", "false", "undecided")}
    on_record = timedelta(0) if since is None else at - since
    lacking = _lacking(count["confirmed"], count["false"], on_record)
    unseen = [] if check.shadow or since is None else _unseen(check, incidents, since)
    judged = [Judged(one.outcome == "confirmed", one.finding) for one in spoken if one.outcome != "undecided"]
    return Record(
        check=check.name,
        shadow=check.shadow,
        since=since,
        alarms=len(spoken),
        quiet=sum(alarm.quiet != SHADOW for alarm in alarms),
        missed=tuple(missed),
        to_detect=timedelta(seconds=median(took)) if took else None,
        earned=not lacking,
        verdict=f"not yet: {'; '.join(lacking)}" if lacking else "its record earns it that people are paged",
        unseen=tuple(unseen),
        precision=precision(count["confirmed"], count["false"]),
        recall=recall(count["confirmed"], len(missed) + len(unseen)),
        last_right=max((one.at for one in spoken if one.outcome == "confirmed"), default=None),
        seconds_a_day=None if looks is None else looks.seconds / max((at - looks.since) / DAY, 1.0),
        advice=advise(check, judged, [*missed, *unseen], on_record, earned=not lacking),
        **count,
    )


class Spoken(NamedTuple):
    """One alarm of a check, at `at`: what came of it, how long after the onset, and what it had found."""

    outcome: Outcome
    at: datetime
    took: timedelta | None = None
    finding: Finding | None = None


def _unseen(check: Check, incidents: Iterable[Incident], since: datetime) -> list[int]:
    """Numbers of the real incidents in its table that other checks found and it never alarmed on."""
    return [
        one.number
        for one in incidents
        if one.kind == "detected" and one.opened_at >= since and _outcome(one) == "confirmed"
        if one.first_finding is not None and one.first_finding.table == check.table
        if check.name not in {one.first_finding.check, *(also.check for also in one.also)}
    ]


def _opened(check: Check, incidents: Iterable[Incident], since: datetime | None) -> Iterator[Spoken]:
    """Each incident that the check opened."""
    for incident in incidents:
        first = incident.first_finding
        mine = first is not None and first.check == check.name and first.unit != "looks"
        if mine and since is not None and incident.opened_at >= since:
            yield Spoken(_outcome(incident), incident.opened_at, durations(incident).to_detect, first)


def _outcome(incident: Incident) -> Outcome:
    if incident.resolved_how is not None:
        return "false" if incident.resolved_how == "false_alarm" else "confirmed"
    untouched = incident.hotfix is None or incident.hotfix.applied_at is None
    if incident.score is not None and untouched:
        return "confirmed" if incident.score.came_true else "false"
    return "undecided"


def _shadowed(
    check: Check,
    incidents: Sequence[Incident],
    alarms: Iterable[Alarm],
    since: datetime | None,
    at: datetime,
) -> Iterator[Spoken]:
    """Each alarm in shadow, judged by the incidents of the same time."""
    for alarm in alarms:
        if alarm.quiet != SHADOW or since is None or alarm.told_at < since:
            continue
        beside = [one for one in incidents if _beside(one, alarm, at)]
        real = [one for one in beside if _outcome(one) == "confirmed"]
        if real:
            onsets = [one.onset_at for one in real if one.onset_at is not None]
            took = max(alarm.told_at - min(onsets), timedelta(0)) if onsets else None
            yield Spoken("confirmed", alarm.told_at, took)
        elif any(_outcome(one) == "undecided" for one in beside):
            yield Spoken("undecided", alarm.told_at)
        else:
            false = beside or at - alarm.until >= SETTLED_AFTER
            yield Spoken("false" if false else "undecided", alarm.told_at)


def _beside(incident: Incident, alarm: Alarm, at: datetime) -> bool:
    """Whether meanwhile an incident was open in the same table, or one without a table was declared."""
    first = incident.first_finding
    if incident.kind == "predicted" or (first is not None and first.table != alarm.table):
        return False
    if first is not None and not (
        set(first.slice) <= set(alarm.slice) or set(alarm.slice) <= set(first.slice)
    ):
        return False
    since, until = _lasted(incident, at)
    return since <= alarm.until and alarm.since <= until


def _nobody_found(
    incident: Incident, incidents: Iterable[Incident], alarms: Iterable[tuple[str, Alarm]], at: datetime
) -> bool:
    """Whether people declared it, it was real, and no check had alarmed in the meantime."""
    if incident.kind != "declared" or incident.resolved_how == "false_alarm":
        return False
    since, until = _lasted(incident, at)
    if any(_beside(incident, alarm, at) for _check, alarm in alarms if alarm.quiet == SHADOW):
        return False
    found = (_lasted(one, at) for one in incidents if one.kind == "detected" and _outcome(one) != "false")
    return not any(begun <= until and since <= ended for begun, ended in found)


def _lasted(incident: Incident, at: datetime) -> tuple[datetime, datetime]:
    first = incident.first_finding
    began = [incident.opened_at, incident.onset_at, first.window_start if first else None]
    return min(one for one in began if one is not None), incident.cleared_at or incident.resolved_at or at


def _lacking(confirmed: int, false: int, on_record: timedelta) -> list[str]:
    """What a record lacks, in words; empty where it is good enough to page people."""
    weeks = max(on_record / timedelta(weeks=1), 1.0)
    lacks = []
    if on_record < LEAST_DAYS:
        lacks.append(f"{on_record.days} of {LEAST_DAYS.days} days on record")
    if confirmed < LEAST_CONFIRMED:
        lacks.append(f"{confirmed} of {LEAST_CONFIRMED} alarms confirmed")
    if confirmed + false and confirmed / (confirmed + false) < LEAST_PRECISION:
        right = 100 * confirmed / (confirmed + false)
        lacks.append(
            f"{right:.0f} % of its judged alarms were right, {100 * LEAST_PRECISION:.0f} % are needed"
        )
    if false / weeks > MOST_FALSE_A_WEEK:
        lacks.append(f"{false / weeks:.1f} false alarms a week, at most {MOST_FALSE_A_WEEK:.0f} may be")
    return lacks
