"""
Which times nothing is to be learned from, because the log says that something was wrong then.

A check remembers what it found itself. The log knows more: when it began, what another check of the table
found, what people said about it, and all of it after a check's memory was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from domain.detection.state import Spoiled
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Finding, Moment, Value

COUNTING = ("volume", "slice_volume", "freshness")
"""Kinds that look at which rows there are: what is wrong for one of them is wrong for all of a table."""


class Past(Value):
    """What a metric is held against: windows that end by `before`, without the times that were `wrong`."""

    before: Moment
    wrong: tuple[Spoiled, ...] = ()


def spoiled_for(
    check: Check, incidents: Iterable[Incident], checks: Mapping[str, Check], at: datetime
) -> tuple[Spoiled, ...]:
    """
    The times up to `at` that `check` learns nothing from, by what the log holds of its table.

    An incident spoils them from its onset until its metric was measured to be back, else until it was
    resolved, else until now; one that was none ("false_alarm") spoils nothing. A prediction spoils its day.
    """
    return tuple(
        spoiled
        for incident in incidents
        for finding in _findings(incident)
        if _concerns(check, finding, checks) and (spoiled := _spoiled(incident, finding, at)) is not None
    )


def planned_for(recommender: Recommender, check: Check) -> tuple[Spoiled, ...]:
    """The times in which somebody said beforehand that what `check` looks at would be off."""
    return tuple(
        Spoiled(slice=one.slices[0] if one.slices else (), since=one.since, until=one.until)
        for one in (*recommender.planned, *recommender.silences)
        if one.concerns(check.name, check.table)
    )


def past_of(incident: Incident, wrong: tuple[Spoiled, ...]) -> Past | None:
    """What an incident's own metric is held against: the time before it began. None without a finding."""
    first = incident.first_finding
    return None if first is None else Past(before=_since(incident, first), wrong=wrong)


def suspect_launches(incidents: Iterable[Incident]) -> frozenset[str]:
    """Items whose launch was an incident: what became of them says nothing of launches as they should be."""
    return frozenset(
        incident.first_finding.subject
        for incident in incidents
        if incident.first_finding
        and incident.kind == "predicted"
        and incident.resolved_how != "false_alarm"
        and incident.first_finding.subject
    )


def _findings(incident: Incident) -> Iterator[Finding]:
    if incident.first_finding is not None:
        yield incident.first_finding
    yield from incident.also


def _concerns(check: Check, finding: Finding, checks: Mapping[str, Check]) -> bool:
    if finding.table != check.table:
        return False
    if finding.check == check.name:
        return True
    other = checks.get(finding.check)
    counted = other.kind in COUNTING if other else finding.subject is None
    return counted and check.kind in (*COUNTING, "series")


def _spoiled(incident: Incident, finding: Finding, at: datetime) -> Spoiled | None:
    latest = incident.finding or finding
    if finding.unit == "looks" or incident.resolved_how == "false_alarm":
        return None  # that a check could not look says nothing of the rows
    if finding.kind == "predicted":
        since, until = finding.window_start, finding.window_end
    else:
        since = _since(incident, finding)
        until = max(incident.cleared_at or incident.resolved_at or at, latest.window_end)
    rise = finding.unit != "seconds" and finding.change > 0
    return Spoiled(slice=finding.slice, since=since, until=until, rise=rise)


def _since(incident: Incident, finding: Finding) -> datetime:
    onset = incident.onset_at
    return finding.window_start if onset is None else min(onset, finding.window_start)
