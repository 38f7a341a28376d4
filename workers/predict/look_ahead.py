"""Looks at the launch calendar, into the log: forecasts open incidents, and are scored on their day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Engine

from domain.detection.judge.state import CheckState
from domain.errors import SourceError, TooFewRows
from domain.incident.commands import ClearFinding
from domain.prediction.launch import Forecast
from domain.prediction.missed import recovered
from domain.recommender.check import Check
from domain.recommender.keys.schedule import UPDATED, newest
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding
from workers.checks.plan import plan
from workers.checks.run import fault
from workers.detect.open_incidents import open_incidents
from workers.detect.past import suspects
from workers.detect.quietly import quietly
from workers.detect.record import begin_records
from workers.detect.run_outcomes import RunOutcome, count_runs
from workers.log.handle import handle
from workers.predict.launch import forecasts, missed, score
from workers.sources.launches import launch_check
from workers.store import cards
from workers.store.lock import alone
from workers.store.memory import recall, remember
from workers.store.related import about

MEMORY = "predict"
LOOK_EVERY = timedelta(minutes=5)
BLIND_AFTER = 2
"""Consecutive failures: a calendar unreadable once may just be being written; twice it is a blind spot."""

PREDICTOR = Actor(kind="worker", id="worker:predict")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CalendarReading:
    """What one look saw; if the calendar could not be read, only the `trouble`."""

    findings: tuple[Finding, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    trouble: SourceError | None = None


def prediction_run(log: Engine, recommender: Recommender, at: datetime) -> int:
    """
    Forecast upcoming launches and score past ones, if it is time; returns the number of findings.

    Never runs twice at once. A look that failed is repeated at the next tick, without waiting for its turn.
    """
    check = launch_check(recommender)
    with alone(log, "tick:predict") as mine:
        if not mine or check is None:
            return 0
        with log.connect() as connection:
            kept = recall(connection, MEMORY) or {}
        if not _due(kept, check, at, recommender.zone) and at >= _looked_at(kept):
            return 0
        began = process_time()
        look = _look(log, recommender, at)
        seconds = process_time() - began
        findings, failures = list(look.findings), 0
        blind = fault(plan(recommender, check), at, look.trouble or SourceError("-"), CheckState()).findings
        if look.trouble is None:
            _see_again(log, blind, at)
        else:
            failures = kept.get("failures", 0) + 1
            findings += blind if failures >= BLIND_AFTER else ()
        standing = _standing(kept.get("standing"), look, at)
        begin_records(log, [check], at)
        findings = quietly(log, recommender, findings, at)
        count = open_incidents(log, findings, PREDICTOR, since=standing, recommender=recommender)
        _clear_recovered(log, look.forecasts, check.name, at)
        with log.begin() as connection:
            remember(connection, MEMORY, {"looked_at": at, "failures": failures, "standing": standing})
            failed, judged = look.trouble is not None, bool(look.forecasts)
            looked = RunOutcome(check.name, failed=failed, judged=judged, seconds=seconds)
            count_runs(connection, MEMORY, [looked], at)
    return count


def _look(log: Engine, recommender: Recommender, at: datetime) -> CalendarReading:
    try:
        _score(log, recommender, at)
        every = forecasts(recommender, at, suspects(log, at))
        return CalendarReading(tuple(missed(recommender, every, at)), every)
    except TooFewRows as error:
        _log.info("nothing_forecast", note=str(error))
        return CalendarReading()
    except SourceError as error:
        _log.warning("calendar_not_read", error=str(error))
        return CalendarReading(trouble=error)


def _standing(before: dict[str, str] | None, look: CalendarReading, at: datetime) -> dict[str, str] | None:
    """
    Item → since when its launch is forecast to miss; kept until the forecast has recovered.

    What came up before this was remembered has no time.
    """
    known = {one.item: recovered(one) for one in look.forecasts}
    kept = before or {}
    if not known:
        return before
    came_up = "" if before is None else at.isoformat()
    found = {one.subject: kept.get(one.subject, came_up) for one in look.findings if one.subject}
    return found | {item: since for item, since in kept.items() if not known.get(item, True)}


def _clear_recovered(log: Engine, every: Sequence[Forecast], check: str, at: datetime) -> None:
    """Clear each open prediction whose forecast is good again, whatever brought that about."""
    good = {one.item: one for one in every if recovered(one)}
    for incident in about(log, good) if good else ():
        finding = incident.finding
        if finding is None or finding.check != check or finding.subject not in good or incident.cleared_at:
            continue
        now = good[finding.subject]
        cleared = ClearFinding(observed=now.value, expected=now.comparable, window_end=at)
        key = f"{finding.fingerprint}:cleared:{at.isoformat()}"
        handle(incident.stream, cleared, actor=PREDICTOR, key=key, log=log)


def _score(log: Engine, recommender: Recommender, at: datetime) -> None:
    with log.connect() as connection:
        unscored = cards.unscored(connection)
    for incident in unscored:
        scored = score(recommender, incident.finding, at) if incident.finding else None
        if scored is not None:
            handle(incident.stream, scored, actor=PREDICTOR, key=f"{incident.stream}:score", log=log)


def _see_again(log: Engine, blind: tuple[Finding, ...], at: datetime) -> None:
    """Clear the blind spot, if one was reported: the calendar is readable again."""
    for finding in blind:
        with log.connect() as connection:
            incident = cards.unclosed(connection, finding.fingerprint)
        if incident is not None:
            cleared = ClearFinding(observed=1.0, expected=1.0, window_end=at)
            key = f"{finding.fingerprint}:cleared:{at.isoformat()}"
            handle(incident.stream, cleared, actor=PREDICTOR, key=key, log=log)


def _looked_at(kept: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(kept.get("looked_at", "0001-01-01T00:00:00+00:00"))


def _due(kept: dict[str, Any], check: Check, at: datetime, zone: ZoneInfo) -> bool:
    if kept.get("failures"):
        return at >= _looked_at(kept)
    if check.schedule not in (None, UPDATED):
        return newest(check.schedule, at, zone) > _looked_at(kept)
    return at >= _looked_at(kept) + (check.every or LOOK_EVERY)
