"""
A finding is over when its metric is back: in a whole window without a row of the time in which it was found.

That a check finds it no more says less. It has to be sure before it speaks, so that it falls silent while a
mend has only begun and its window still holds half of the fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from domain.detection.cause import BLIND, Link, same_cause
from domain.detection.state import CLEAR_AFTER
from domain.errors import RecsysopsError, Unmeasurable
from domain.incident.commands import AddNote, ClearFinding
from domain.incident.state import Incident
from domain.recommender.lineage import Lineage, lineage
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding
from workers.detect import TickResult
from workers.handle import handle
from workers.measure import measure
from workers.past import past_before
from workers.plan import HOUR, plan
from workers.store import cards

REPEAT_AFTER = timedelta(minutes=1)
"""An open incident is told of the same finding at most this often: the log is for people too."""

SHARP_ENOUGH = 2 / 3
"""Half the band, as a share of the gap that was found; a wider band could hold what was found as well."""

FOUND_NO_MORE = "The check finds it no more. It cannot measure it again, so say yourself whether it is over."

LOOKS_A_WINDOW = 4
DETECTOR = Actor(kind="worker", id="worker:detect")

_log = structlog.get_logger(__name__)


def clear(
    log: Engine,
    recommender: Recommender,
    result: TickResult,
    told: Iterable[Finding],
    clearing: Mapping[str, str],
    at: datetime,
) -> dict[str, datetime]:
    """
    Say that findings are over.

    Args:
        told: what this look found; an incident that goes on under the name of another slice is not over.
        clearing: fingerprint → when to look again (ISO 8601), as returned by the look before.

    Returns:
        Those that are not over yet, with the time from which on to look at them again.
    """
    standing, waiting = tuple(told), dict[str, datetime]()
    made_from = lineage(recommender.tables, recommender.models.values())
    due = {fingerprint: datetime.fromisoformat(moment) for fingerprint, moment in clearing.items()}
    for fingerprint in dict.fromkeys((*due, *result.cleared)):
        incident = _unclosed(log, fingerprint)
        if incident is None or incident.finding is None or incident.cleared_at is not None:
            continue
        finding = incident.finding
        width = finding.window_end - finding.window_start
        if fingerprint in result.cleared:
            due[fingerprint] = _first_look(recommender, finding, at)
        elif any(fingerprint in check.seen for check in result.state.checks.values()):
            due[fingerprint] = at + width
        elsewhere = any(one.table == finding.table and told_by(incident, one, made_from) for one in standing)
        if elsewhere or due[fingerprint] > at:
            waiting[fingerprint] = due[fingerprint]
        elif not _cleared(log, recommender, incident, finding, at):
            waiting[fingerprint] = at + width / LOOKS_A_WINDOW
    return waiting


def told_by(incident: Incident, finding: Finding, made_from: Lineage) -> Link | None:
    """What `finding` shares with `incident`, where that tells of its cause already; else None."""
    first, latest = incident.first_finding, incident.finding
    if first is None or latest is None:
        return None
    return same_cause(first, latest, seen_until(incident, latest), finding, made_from)


def seen_until(incident: Incident, latest: Finding) -> datetime:
    """
    An incident that goes on was seen later than its latest finding says: it is told only now and then, and of
    short windows a look or two may be silent before it counts as over.
    """
    if incident.cleared_at is not None:
        return latest.window_end
    width = latest.window_end - latest.window_start
    return latest.window_end + (width if width >= HOUR else REPEAT_AFTER + CLEAR_AFTER * width)


def _unclosed(log: Engine, fingerprint: str) -> Incident | None:
    with log.connect() as connection:
        stream = cards.unclosed(connection, fingerprint)
        return cards.find(connection, stream) if stream else None


def _first_look(recommender: Recommender, finding: Finding, at: datetime) -> datetime:
    """When a whole window has passed since the last one in which a check that says so now still found it."""
    check = recommender.checks.get(finding.check)
    if check is None or finding.unit in (BLIND, "seconds"):
        return at  # a silence is over with the first row
    planned = plan(recommender, check)
    looks = CLEAR_AFTER if planned.window < HOUR else 1
    return at - looks * planned.every + (finding.window_end - finding.window_start)


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
        _log.warning("not_measured", incident=incident.number, error=str(error))
        return False
    if command is None:
        return False
    key = f"{finding.fingerprint}:cleared:{command.window_end.isoformat()}"
    handle(incident.stream, command, actor=DETECTOR, key=key, log=log)
    return True


def _back(
    log: Engine, recommender: Recommender, incident: Incident, finding: Finding, at: datetime
) -> ClearFinding | None:
    """None while the metric is not back, or its band too wide to tell."""
    table = recommender.tables.get(finding.table)
    end = at - (table.settle if table else timedelta(0))
    if finding.unit == BLIND:
        return ClearFinding(observed=1.0, expected=1.0, window_end=end)
    past = past_before(log, recommender, incident, at)
    now = measure(recommender, finding, end - (finding.window_end - finding.window_start), end, past)
    sharp = finding.unit == "seconds" or (now.blur(finding) or 0.0) <= SHARP_ENOUGH
    return (
        ClearFinding(observed=now.observed, expected=now.expected, window_end=end)
        if sharp and now.within
        else None
    )
