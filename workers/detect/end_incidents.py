"""
Ends a finding once its metric is back: in a full window that holds no row from the time of the fault.

That a check no longer finds it says less. A check has to be sure before it speaks, so it falls silent while a
repair has only begun and its window still holds half of the fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog
from sqlalchemy import Engine

from domain.detection.correlate.joining import link_to
from domain.errors import RecsysopsError, Unmeasurable, sanitized
from domain.incident.commands import AddNote, ClearFinding
from domain.incident.state import Incident
from domain.recommender.lineage import lineage
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding
from workers.checks.over import back, first_look, look_again
from workers.checks.plan import window_of
from workers.checks.run import RunResult
from workers.detect.past import past_before
from workers.log.handle import handle
from workers.store import cards

FOUND_NO_MORE = "The check finds it no more. It cannot measure it again, so say yourself whether it is over."

DETECTOR = Actor(kind="worker", id="worker:detect")

_log = structlog.get_logger(__name__)


def clear(
    log: Engine,
    recommender: Recommender,
    result: RunResult,
    findings: Iterable[Finding],
    clearing: Mapping[str, str],
    at: datetime,
) -> dict[str, datetime]:
    """
    Record that findings are over.

    Args:
        findings: what this look found; an incident that goes on under the name of another slice is not over.
        clearing: fingerprint → when to look again (ISO 8601), as returned by the previous look.

    Returns:
        The findings that are not over yet, each with the earliest time to look at it again.
    """
    standing, waiting = tuple(findings), dict[str, datetime]()
    made_from = lineage(recommender.tables, recommender.models.values())
    due = {fingerprint: datetime.fromisoformat(moment) for fingerprint, moment in clearing.items()}
    for fingerprint in dict.fromkeys((*due, *result.cleared)):
        with log.connect() as connection:
            incident = cards.unclosed(connection, fingerprint)
        if incident is None or incident.finding is None or incident.cleared_at is not None:
            continue
        finding = incident.finding
        width = window_of(recommender, finding)
        if fingerprint in result.cleared:
            due[fingerprint] = first_look(recommender, finding, at)
        elif any(fingerprint in check.seen for check in result.state.checks.values()):
            due[fingerprint] = at + width
        elsewhere = any(one.table == finding.table and link_to(incident, one, made_from) for one in standing)
        if elsewhere or due[fingerprint] > at:
            waiting[fingerprint] = due[fingerprint]
        elif not _cleared(log, recommender, incident, finding, at):
            waiting[fingerprint] = look_again(finding, at, width)
    return waiting


def _cleared(
    log: Engine, recommender: Recommender, incident: Incident, finding: Finding, at: datetime
) -> bool:
    try:
        command = _back(log, recommender, incident, finding, at)
    except Unmeasurable:
        key = f"{finding.fingerprint}:found-no-more:{finding.window_end.isoformat()}"
        handle(incident.stream, AddNote(text=FOUND_NO_MORE), actor=DETECTOR, key=key, log=log)
        return True
    except (RecsysopsError, ValueError) as error:
        _log.warning("not_measured", incident=incident.number, error=sanitized(error))
        return False
    if command is None:
        return False
    key = f"{finding.fingerprint}:cleared:{command.window_end.isoformat()}"
    handle(incident.stream, command, actor=DETECTOR, key=key, log=log)
    return True


def _back(
    log: Engine, recommender: Recommender, incident: Incident, finding: Finding, at: datetime
) -> ClearFinding | None:
    """None while the metric is not back, or while its band is too wide to tell."""
    return back(recommender, finding, at, past_before(log, recommender, incident, at))
