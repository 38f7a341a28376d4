"""How bad a finding is, by the members whom it affects: asked of the table once, when it is news."""

from __future__ import annotations

from datetime import datetime

import structlog

from domain.detection.cause import BLIND
from domain.detection.severity import grade, grows, worse
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.sources.source import open_source

_log = structlog.get_logger(__name__)


def graded(recommender: Recommender, finding: Finding, first: Finding | None) -> Finding:
    """
    The finding with its severity: as declared; else, where it goes on, that of its `first` one, a step worse
    if it has grown since; else by the members in its slice just before, where the table names its members.
    """
    check = recommender.checks.get(finding.check)
    counted = finding.kind == "detected" and finding.unit not in (BLIND, "seconds")
    if check is None or check.severity is not None or not counted:
        return finding
    if first is not None:
        severity = worse(first.severity) if grows(first, finding) else first.severity
        return finding.model_copy(update={"severity": severity})
    members = _members(recommender, finding)
    if members is None or finding.affected_share is None:
        return finding
    drop = finding.change < 0 or finding.subject is not None
    return finding.model_copy(update={"severity": grade(members, finding.affected_share, drop=drop)})


def _members(recommender: Recommender, finding: Finding) -> float | None:
    """The share of all members that had a row in the slice in the window before; None where not known."""
    table = recommender.tables.get(finding.table)
    if table is None or table.member is None:
        return None
    if not finding.slice:
        return 1.0
    width = finding.window_end - finding.window_start
    try:
        return _share(recommender, finding, table.member, finding.window_start - width)
    except SourceError as error:
        # How bad it is is worth less than that it is told.
        _log.warning("members_not_counted", table=finding.table, error=str(error))
        return None


def _share(recommender: Recommender, finding: Finding, member: str, start: datetime) -> float | None:
    with open_source(recommender, finding.table) as source:
        source.require(member, *(dimension for dimension, _value in finding.slice))
        rows = source.between(start, finding.window_start)
        inside = rows
        for dimension, value in finding.slice:
            inside = inside.filter(inside[dimension].cast("string") == value)
        every, some = (
            int(source.fetch(one.aggregate(n=one[member].nunique()))["n"].iloc[0]) for one in (rows, inside)
        )
    return some / every if every else None
