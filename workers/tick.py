"""A look at the recommender, into the log: findings open or repeat incidents, and are said to be over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from domain.detection.explain import same_cause
from domain.errors import RecsysopsError
from domain.incident.commands import AddNote, ClearFinding, OpenIncident
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding
from workers.detect import FAULT, State, TickResult, measure, plan, run_checks
from workers.handle import handle
from workers.store import cards
from workers.store.lock import alone
from workers.store.memory import recall, remember

MEMORY = "detect"
MOST_MISSED_LOOKS = 60
REPEAT_AFTER = timedelta(minutes=1)
"""An open incident is told of the same finding at most this often: the log is for people too."""

DETECTOR = Actor(kind="worker", id="worker:detect")

_log = structlog.get_logger(__name__)


def detect_tick(log: Engine, recommender: Recommender, at: datetime) -> int:
    """
    One look, and those that an outage left out; returns how many findings there were.

    Never twice at once. What the checks remember is saved after their findings, so a kill in between repeats
    the look, and the findings' keys make that harmless.
    """
    found = 0
    with alone(log, "tick:detect") as mine:
        for moment in _moments(log, recommender, at) if mine else ():
            with log.connect() as connection:
                kept = recall(connection, MEMORY) or {}
            result = run_checks(recommender, moment, State.model_validate(kept.get("state", {})))
            for check, note in result.notes.items():
                if note != kept.get("notes", {}).get(check):
                    _log.info("check_did_not_judge", check=check, note=note)
            told = [
                f for f in result.findings if f.subject != FAULT or f.fingerprint in kept.get("blind", ())
            ]
            found += open_incidents(log, told, DETECTOR, result.state)
            over = (*kept.get("uncleared", ()), *result.cleared)
            waiting = _clear(log, recommender, over, moment, told)
            _remember(log, result, moment, waiting)
    return found


def open_incidents(log: Engine, findings: Iterable[Finding], actor: Actor, state: State | None = None) -> int:
    """
    Open an incident for each finding, or tell the open one; returns how many findings there were.

    The key holds the window's end, so that a forecast of one day, or a window looked at twice, opens one
    incident and no second one after that is closed. What an open incident already tells of another table is
    a note in that one.
    """
    count = 0
    for finding in findings:
        count += 1
        if _told_lately(log, finding) or (state and _dismissed(log, finding, state)):
            continue
        elsewhere = _known_elsewhere(log, finding)
        if elsewhere is not None:
            note = AddNote(text=f"Also seen: {finding.title}")
            key = f"{finding.fingerprint}:also:{elsewhere.stream}"
            handle(elsewhere.stream, note, actor=actor, key=key, log=log)
            continue
        key = f"{finding.fingerprint}:{finding.window_end.isoformat()}"
        handle(None, OpenIncident(number=0, finding=finding), actor=actor, key=key, log=log)
    return count


def _told_lately(log: Engine, finding: Finding) -> bool:
    with log.connect() as connection:
        stream = cards.unclosed(connection, finding.fingerprint)
        incident = cards.find(connection, stream) if stream else None
    last = incident.finding if incident else None
    if incident is None or last is None or incident.cleared_at is not None:
        return False
    pause = max(REPEAT_AFTER, finding.window_end - finding.window_start)
    return last.severity == finding.severity and finding.window_end < last.window_end + pause


def _known_elsewhere(log: Engine, finding: Finding) -> Incident | None:
    """The open incident with the same cause as `finding`, unless that one has an incident of its own."""
    with log.connect() as connection:
        if cards.unclosed(connection, finding.fingerprint):
            return None
        unclosed = cards.every(connection, ("open", "acknowledged", "resolved"))
    return next((incident for incident in reversed(unclosed) if _told_by(incident, finding)), None)


def _told_by(incident: Incident, finding: Finding) -> bool:
    first, latest = incident.first_finding, incident.finding
    if first is None or latest is None:
        return False
    # An incident that goes on is told only now and then: it was seen later than its latest finding says.
    pause = max(REPEAT_AFTER, latest.window_end - latest.window_start)
    seen_until = latest.window_end + (pause if incident.cleared_at is None else timedelta(0))
    return same_cause(first, latest, seen_until, finding)


def _dismissed(log: Engine, finding: Finding, state: State) -> bool:
    """True while what was closed as "not an incident" goes on: it is no news until it was over once."""
    check = state.checks.get(finding.check)
    seen = check.seen.get(finding.fingerprint) if check else None
    with log.connect() as connection:
        last = cards.newest(connection, finding.fingerprint)
    if last is None or seen is None or last.closed_at is None or last.resolved_how != "false_alarm":
        return False
    return seen.since <= last.closed_at


def _moments(log: Engine, recommender: Recommender, at: datetime) -> Iterator[datetime]:
    """The moments to look at: the newest of those since the last look, a window apart, then now."""
    with log.connect() as connection:
        kept = recall(connection, MEMORY) or {}
    plans = [plan(recommender, check) for check in recommender.checks.values() if check.table]
    step = min((max(p.window, p.every) for p in plans), default=None)
    if step and "looked_at" in kept:
        missed = datetime.fromisoformat(kept["looked_at"]) + step
        missed = max(missed, at - MOST_MISSED_LOOKS * step)
        while missed <= at - step:
            yield missed
            missed += step
    yield at


def _clear(
    log: Engine,
    recommender: Recommender,
    fingerprints: Iterable[str],
    at: datetime,
    standing: Iterable[Finding] = (),
) -> list[str]:
    """
    Say that findings are over; returns those whose metric could not be measured yet, and those that go on
    under the name of another slice of their table.
    """
    waiting = []
    for fingerprint in dict.fromkeys(fingerprints):
        with log.connect() as connection:
            stream = cards.unclosed(connection, fingerprint)
            incident = cards.find(connection, stream) if stream else None
        if incident is None or incident.finding is None:
            continue
        if any(one.table == incident.finding.table and _told_by(incident, one) for one in standing):
            waiting.append(fingerprint)
            continue
        try:
            command = _cleared(recommender, incident.finding, at)
        except (RecsysopsError, ValueError) as error:
            _log.warning("not_measured", incident=incident.number, error=str(error))
            waiting.append(fingerprint)
            continue
        key = f"{fingerprint}:cleared:{command.window_end.isoformat()}"
        handle(incident.stream, command, actor=DETECTOR, key=key, log=log)
    return waiting


def _cleared(recommender: Recommender, finding: Finding, at: datetime) -> ClearFinding:
    table = recommender.tables.get(finding.table)
    end = at - (table.settle if table else timedelta(0))
    if finding.subject == FAULT:
        return ClearFinding(observed=1.0, expected=1.0, window_end=end)
    now = measure(recommender, finding, end - (finding.window_end - finding.window_start), end)
    return ClearFinding(observed=now.observed, expected=now.expected, window_end=end)


def _remember(log: Engine, result: TickResult, at: datetime, waiting: list[str]) -> None:
    kept = {
        "state": result.state.model_dump(mode="json"),
        "looked_at": at,
        "uncleared": waiting,
        "notes": result.notes,
        # A table that cannot be read once may be being written; twice in a row is a blind spot, and told.
        "blind": [finding.fingerprint for finding in result.findings if finding.subject == FAULT],
    }
    with log.begin() as connection:
        remember(connection, MEMORY, kept)
