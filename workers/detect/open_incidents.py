"""Sorts a look's findings: each opens an incident, joins one, repeats one, or reopens one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog
from sqlalchemy import Engine

from domain.detection.correlate.joining import LONGEST_OVER, REPEAT_AFTER, joined_by, over_already
from domain.detection.correlate.same_cause import Link
from domain.incident.commands import JoinFinding, OpenIncident, Reopen
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.lineage import Lineage, lineage
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding
from workers.checks.elsewhere import explained_by, mostly_there
from workers.checks.plan import window_of
from workers.checks.run import State
from workers.detect.candidates import linked_to, near
from workers.detect.severity import graded
from workers.log.handle import handle
from workers.store import cards

_log = structlog.get_logger(__name__)

Closed = tuple[Incident, datetime, Check]
"""A finding's last incident, when it was closed, and the check that says what follows from it."""


def open_incidents(
    log: Engine,
    findings: Iterable[Finding],
    actor: Actor,
    state: State | None = None,
    since: Mapping[str, str] | None = None,
    recommender: Recommender | None = None,
) -> int:
    """
    Open an incident for each finding, or add it to the open one; returns the number of findings.

    The key holds the window's end, so that a forecast for one day, or a window looked at twice, opens one
    incident and not a second one after that is closed. What an open incident already explains, seen
    elsewhere, joins that one.

    Args:
        recommender: its checks say how bad a finding is and when it is reported again; its tables say which
            is made from which.
        since: subject → when the finding came up; a different moment if the forecast was good in between.
    """
    count = 0
    made_from = lineage(recommender.tables, recommender.models.values()) if recommender else Lineage()
    for finding in findings:
        count += 1
        with log.connect() as connection:
            known = cards.unclosed(connection, finding.fingerprint)
            last = cards.newest(connection, finding.fingerprint)
        if recommender is not None:
            finding = graded(recommender, finding, known)  # noqa: PLW2901 - the same finding, judged
        if _reported_lately(known, finding, recommender) or (state and _dismissed(last, finding, state)):
            continue
        elsewhere = None if known else _known_elsewhere(log, finding, state, made_from, recommender)
        if elsewhere is not None:
            _join(log, finding, *elsewhere, actor)
            continue
        closed = _last_closed(last, finding, recommender)
        if _over_already(log, finding, made_from) or _just_closed(closed, finding):
            _log.info("tail_of_what_is_over", finding=finding.title)
            continue
        _reopen(log, closed, finding, actor)
        came_up = (since or {}).get(finding.subject or "", "")
        key = ":".join(filter(None, (finding.fingerprint, finding.window_end.isoformat(), came_up)))
        handle(None, OpenIncident(number=0, finding=finding), actor=actor, key=key, log=log)
    return count


def _join(log: Engine, finding: Finding, incident: Incident, shares: Link, actor: Actor) -> None:
    key = f"{finding.fingerprint}:also:{incident.stream}"
    handle(incident.stream, JoinFinding(finding=finding, shares=shares), actor=actor, key=key, log=log)


def _last_closed(last: Incident | None, finding: Finding, recommender: Recommender | None) -> Closed | None:
    check = recommender.checks.get(finding.check) if recommender else None
    if check is None or finding.kind == "predicted" or last is None or last.closed_at is None:
        return None
    return last, last.closed_at, check


def _just_closed(closed: Closed | None, finding: Finding) -> bool:
    return closed is not None and finding.window_end < closed[1] + closed[2].cool_down


def _reopen(log: Engine, closed: Closed | None, finding: Finding, actor: Actor) -> None:
    """Reopen the incident if the same finding was closed only lately."""
    if closed is None or finding.window_end >= closed[1] + closed[2].reopen_within:
        return
    key = f"{finding.fingerprint}:again:{finding.window_end.isoformat()}"
    reason = f"Found again: {finding.title}"
    handle(closed[0].stream, Reopen(reason=reason), actor=actor, key=key, log=log)


def _reported_lately(incident: Incident | None, finding: Finding, recommender: Recommender | None) -> bool:
    last = incident.finding if incident else None
    if incident is None or last is None or incident.cleared_at is not None:
        return False
    pause = max(REPEAT_AFTER, window_of(recommender, finding))
    return last.severity <= finding.severity and finding.window_end < last.window_end + pause


def _known_elsewhere(
    log: Engine,
    finding: Finding,
    state: State | None,
    made_from: Lineage,
    recommender: Recommender | None,
) -> tuple[Incident, Link] | None:
    """
    The open incident with the same cause as `finding`, which has none of its own, and what they share. A
    finding that joined an incident stays with it until it is over, even if the incident's own metric is back
    earlier.
    """
    check = state.checks.get(finding.check) if state else None
    seen = check.seen.get(finding.fingerprint) if check else None
    return joined_by(
        finding,
        linked_to(log, finding, made_from),
        near(log, finding, made_from),
        made_from,
        seen.since if seen else None,
        lambda incident: recommender is not None and mostly_there(recommender, incident, finding, made_from),
        lambda one: explained_by(recommender, one) if recommender else {},
    )


def _over_already(log: Engine, finding: Finding, made_from: Lineage) -> bool:
    """Whether the window reaches back into an incident of the same cause that has ended since."""
    since = finding.window_start - LONGEST_OVER
    return over_already(finding, linked_to(log, finding, made_from, ("closed",), since), made_from)


def _dismissed(last: Incident | None, finding: Finding, state: State) -> bool:
    """Whether what was closed as "not an incident" still goes on: not reported until it was over once."""
    check = state.checks.get(finding.check)
    seen = check.seen.get(finding.fingerprint) if check else None
    if last is None or seen is None or last.closed_at is None or last.resolved_how != "false_alarm":
        return False
    return seen.since <= last.closed_at
