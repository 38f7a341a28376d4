"""
Times from which nothing may be learned, because the log says that something was wrong then.

A check remembers what it found itself. The log knows more: when it began, what another check of the table
found, what people said about it, and it still has all of that when a check's memory is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from domain.detection.judge.state import ExcludedWindow
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Finding, Moment, Value

Rows = Literal["reports", "depends"]
"""
How a check relates to which rows there are: it reports on them, so that what is wrong for it is wrong
for all of its table; or it only depends on them.
"""

ACTED = ("hotfix", "elsewhere")
"""Resolutions by people which say that it was an incident, whatever its own check alone would say."""


class Past(Value):
    """What a metric is compared with: windows that end by `before`, without the times that were `wrong`."""

    before: Moment
    wrong: tuple[ExcludedWindow, ...] = ()


def excluded_for(
    check: Check, incidents: Iterable[Incident], rows: Mapping[str, Rows | None], at: datetime
) -> tuple[ExcludedWindow, ...]:
    """
    The times up to `at` from which `check` learns nothing, by what the log says about its table.

    An incident spoils them from its onset until its metric was measured to be back, else until it was
    resolved, else until now; a false one ("false_alarm") spoils nothing. A prediction spoils its day.

    Args:
        rows: how each declared check relates to which rows there are.
    """
    return tuple(
        excluded
        for incident in incidents
        for finding in _findings(incident)
        if _concerns(check, finding, rows)
        and (excluded := _excluded(check, incident, finding, at)) is not None
    )


def planned_for(recommender: Recommender, check: Check) -> tuple[ExcludedWindow, ...]:
    """The times for which somebody announced that what `check` looks at would be off."""
    return tuple(
        ExcludedWindow(slice=one.slices[0] if one.slices else (), since=one.since, until=one.until)
        for one in (*recommender.planned, *recommender.silences)
        if one.concerns(check.name, check.table)
    )


def past_of(incident: Incident, wrong: tuple[ExcludedWindow, ...]) -> Past | None:
    """What an incident's own metric is compared with: the time before it began. None without a finding."""
    first = incident.first_finding
    return None if first is None else Past(before=_since(incident, first), wrong=wrong)


def suspect_launches(incidents: Iterable[Incident]) -> frozenset[str]:
    """Items whose launch was an incident: their history says nothing about normal launches."""
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


def _concerns(check: Check, finding: Finding, rows: Mapping[str, Rows | None]) -> bool:
    if finding.table != check.table:
        return False
    if finding.check == check.name:
        return True
    of_rows = rows[finding.check] == "reports" if finding.check in rows else finding.subject is None
    return of_rows and rows.get(check.name) is not None


def _excluded(check: Check, incident: Incident, finding: Finding, at: datetime) -> ExcludedWindow | None:
    latest = incident.finding or finding
    if finding.unit == "looks" or incident.resolved_how == "false_alarm":
        return None  # that a check could not look says nothing about the rows
    if incident.merged_into is not None:
        return None  # its findings have joined the incident that it is part of
    if finding.kind == "predicted":
        since, until = finding.window_start, finding.window_end
    else:
        since = _since(incident, finding)
        until = max(incident.cleared_at or incident.resolved_at or at, latest.window_end)
    rise = finding.unit != "seconds" and finding.change > 0
    return ExcludedWindow(
        slice=finding.slice,
        since=since,
        until=until,
        rise=rise,
        confirmed=finding.check != check.name or incident.resolved_how in ACTED,
    )


def _since(incident: Incident, finding: Finding) -> datetime:
    onset = incident.onset_at
    return finding.window_start if onset is None else min(onset, finding.window_start)
