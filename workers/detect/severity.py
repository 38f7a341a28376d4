"""Grades a finding by the members it affects, who are counted in the table once, when it is new."""

from __future__ import annotations

from datetime import datetime

import structlog

from domain.detection.correlate.same_cause import BLIND
from domain.detection.judge.severity import grows, severity_by_members, worse
from domain.errors import SourceError
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.sources.aggregate.sliced import in_slice
from workers.sources.engines.source import open_source

MOST_KNOWN = 256
_known: dict[tuple[str, str, datetime], float | None] = {}
"""Shares of members by table, finding and when its incident began: counted once, not at each look."""

_log = structlog.get_logger(__name__)


def graded(recommender: Recommender, finding: Finding, incident: Incident | None) -> Finding:
    """
    The finding with its severity: as declared; else by the members in its slice just before its `incident`
    began, if the table names its members; else as its check judged it. One step worse if it is growing.
    """
    check = recommender.checks.get(finding.check)
    counted = finding.kind == "detected" and finding.unit not in (BLIND, "seconds")
    if check is None or check.severity is not None or not counted or finding.affected_share is None:
        return finding
    first = (incident.first_finding if incident else None) or finding
    growing = incident is not None and _grows(incident, finding)
    members = _members(recommender, finding, first.window_start)
    if members is None:
        severity = worse(finding.severity) if growing else finding.severity
    else:
        drop = finding.change < 0 or finding.subject is not None
        severity = severity_by_members(members, finding.affected_share, drop=drop, growing=growing)
    return finding.model_copy(update={"severity": severity})


def _grows(incident: Incident, finding: Finding) -> bool:
    """Whether the finding was smaller in an earlier window that lay wholly within the incident."""
    first, before = incident.first_finding, incident.finding
    if first is None or before is None or before.window_start < first.window_end:
        return False  # the first window holds some time from before the fault: filling up is not growth
    return before.window_end <= finding.window_start and grows(before, finding)


def _members(recommender: Recommender, finding: Finding, begun: datetime) -> float | None:
    """
    The share of all members that had a row in the slice in the window before `begun`; None if not known.
    """
    table = recommender.tables.get(finding.table)
    if table is None or table.member is None:
        return None
    if not finding.slice:
        return 1.0
    asked = (table.model_dump_json(), finding.fingerprint, begun)
    if asked not in _known:
        width = finding.window_end - finding.window_start
        try:
            share = _share(recommender, finding, table.member, (begun - width, begun))
        except SourceError as error:
            # Reporting the finding matters more than how bad it is.
            _log.warning("members_not_counted", table=finding.table, error=str(error))
            return None
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[asked] = share
    return _known[asked]


def _share(
    recommender: Recommender, finding: Finding, member: str, span: tuple[datetime, datetime]
) -> float | None:
    with open_source(recommender, finding.table) as source:
        source.require(member)
        rows = source.between(*span)
        inside = in_slice(recommender, source, rows, finding.slice)
        every, some = (
            int(source.fetch(one.aggregate(n=one[member].nunique()))["n"].iloc[0]) for one in (rows, inside)
        )
    return some / every if every else None
