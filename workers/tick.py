"""A look at the recommender, into the log: findings open or repeat incidents, and are said to be over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Engine

from domain.detection.state import CheckState
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity
from workers.clear import DETECTOR, clear
from workers.detect import FAULT, LATE, State, TickResult, blind, run_checks
from workers.looks import Look, count_looks
from workers.news import open_incidents
from workers.past import wrong_times
from workers.plan import Plan, plan, window_checks
from workers.record import begin_records, quietly
from workers.store.lock import alone
from workers.store.memory import recall, remember

MEMORY = "detect"
MOST_MISSED_LOOKS = 60
_log = structlog.get_logger(__name__)


def detect_tick(log: Engine, recommender: Recommender, at: datetime) -> int:
    """
    One look, and those that an outage left out; returns how many findings there were.

    Never twice at once. What the checks remember is saved after their findings, so a kill in between repeats
    the look, and the findings' keys make that harmless.
    """
    found = 0
    with alone(log, "tick:detect") as mine:
        if not mine:
            return 0
        kept = _recall(log)
        looked_at = datetime.fromisoformat(kept["looked_at"]) if "looked_at" in kept else None
        begin_records(log, window_checks(recommender), at)
        late = _left_out(recommender, looked_at, at, State.model_validate(kept.get("state", {})))
        kept = {**kept, "state": late.state} if late.findings else kept
        for moment in _moments(recommender, looked_at, at):
            found += _look(log, recommender, moment, kept, late.findings)
            kept, late = _recall(log), TickResult()
    return found


def _look(
    log: Engine, recommender: Recommender, moment: datetime, kept: Mapping[str, Any], late: Iterable[Finding]
) -> int:
    """
    One look, remembered; returns how many findings there were.

    Args:
        kept: what the look before remembered.
        late: findings from before this look, told with its own.
    """
    state = State.model_validate(kept.get("state", {}))
    result = run_checks(recommender, moment, state, wrong_times(log, recommender, moment))
    for check, note in result.notes.items():
        if note != kept.get("notes", {}).get(check):
            _log.info("check_did_not_judge", check=check, note=note)
    told = [f for f in result.findings if f.subject != FAULT or f.fingerprint in kept.get("blind", ())]
    told = quietly(log, recommender, [*late, *told], moment)
    found = open_incidents(log, told, DETECTOR, result.state, recommender=recommender)
    waiting = clear(log, recommender, result, told, kept.get("clearing", {}), moment)
    _remember(log, result, moment, waiting, _looks(state, result))
    return found


def _looks(before: State, result: TickResult) -> list[Look]:
    """Who looked: whoever has judged another window, or tried to."""
    failed = {finding.check for finding in result.findings if finding.subject == FAULT}
    return [
        Look(name, failed=name in failed, judged=name not in result.notes)
        for name, after in result.state.checks.items()
        if after.last_window_end != before.checks.get(name, CheckState()).last_window_end
    ]


def _recall(log: Engine) -> dict[str, Any]:
    with log.connect() as connection:
        return recall(connection, MEMORY) or {}


def _moments(recommender: Recommender, looked_at: datetime | None, at: datetime) -> list[datetime]:
    """
    The moments to look at: of each check the newest of those since the last look, a window apart, then now.
    """
    moments = {at}
    for planned in _plans(recommender) if looked_at else ():
        step = max(planned.window, planned.every)
        missed = max((looked_at or at) + step, at - MOST_MISSED_LOOKS * step)
        while missed <= at - step:
            moments.add(missed)
            missed += step
    return sorted(moments)


def _left_out(recommender: Recommender, looked_at: datetime | None, at: datetime, state: State) -> TickResult:
    """
    What is too long ago to be looked at after an outage: one finding for all checks, as it has one cause, and
    the next state.
    """
    missed: list[tuple[datetime, Plan]] = []
    for planned in _plans(recommender) if looked_at else ():
        step = max(planned.window, planned.every)
        until = at - MOST_MISSED_LOOKS * step
        if looked_at is not None and looked_at + step < until:
            missed.append((until, planned))
    if looked_at is None or not missed:
        return TickResult(state=state)
    until, worst = max(missed, key=lambda one: one[0])
    others = f"and {len(missed) - 1} more " if len(missed) > 1 else ""
    says = f"{others}did not look from {looked_at:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
    memory = state.checks.get(worst.check.name, CheckState())
    verdict = blind(worst, LATE, (looked_at, until), says, memory)
    # It is over: there is nothing left that anybody could hurry for.
    severity = worst.check.severity or Severity.SEV4
    findings = tuple(one.model_copy(update={"severity": severity}) for one in verdict.findings)
    return TickResult(
        findings=findings, state=State(checks={**state.checks, worst.check.name: verdict.state})
    )


def _plans(recommender: Recommender) -> list[Plan]:
    return [plan(recommender, check) for check in window_checks(recommender)]


def _remember(
    log: Engine, result: TickResult, at: datetime, waiting: Mapping[str, datetime], looks: Iterable[Look]
) -> None:
    kept = {
        "state": result.state.model_dump(mode="json"),
        "looked_at": at,
        "clearing": waiting,
        "notes": result.notes,
        # A table that cannot be read once may be being written; twice in a row is a blind spot, and told.
        "blind": [finding.fingerprint for finding in result.findings if finding.subject == FAULT],
    }
    with log.begin() as connection:
        remember(connection, MEMORY, kept)
        count_looks(connection, MEMORY, looks, at)
