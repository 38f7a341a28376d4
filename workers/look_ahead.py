"""A look at the launch calendar, into the log: forecasts open incidents, and are scored on their day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine

from domain.detection.state import CheckState
from domain.errors import SourceError, TooFewRows
from domain.incident.commands import ClearFinding
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding
from workers.detect import fault, plan
from workers.handle import handle
from workers.predict import forecast, launch_check, score
from workers.store import cards
from workers.store.lock import alone
from workers.store.memory import recall, remember
from workers.tick import open_incidents

MEMORY = "predict"
LOOK_EVERY = timedelta(minutes=5)
FAILURES_TOLD = 2
"""A calendar that cannot be read once may be being written; twice in a row is a blind spot."""

PREDICTOR = Actor(kind="worker", id="worker:predict")

_log = structlog.get_logger(__name__)


def predict_tick(log: Engine, recommender: Recommender, at: datetime) -> int:
    """
    Forecast what launches next and score what launched, when it is time; returns the number of findings.

    Never twice at once. A look that failed is repeated at the next tick, without waiting for its turn.
    """
    check = launch_check(recommender)
    with alone(log, "tick:predict") as mine:
        if not mine or check is None:
            return 0
        with log.connect() as connection:
            kept = recall(connection, MEMORY) or {}
        if at < _next_look(kept, check.every or LOOK_EVERY) and at >= _looked_at(kept):
            return 0
        findings, trouble = _look(log, recommender, at)
        failures = kept.get("failures", 0) + 1 if trouble else 0
        blind = fault(plan(recommender, check), at, trouble or SourceError("-"), CheckState()).findings
        if trouble is None:
            _see_again(log, blind, at)
        elif failures >= FAILURES_TOLD:
            findings = list(blind)
        count = open_incidents(log, findings, PREDICTOR)
        with log.begin() as connection:
            remember(connection, MEMORY, {"looked_at": at, "failures": failures})
    return count


def _look(log: Engine, recommender: Recommender, at: datetime) -> tuple[list[Finding], SourceError | None]:
    try:
        _score(log, recommender, at)
        return forecast(recommender, at), None
    except TooFewRows as error:
        _log.info("nothing_forecast", note=str(error))
        return [], None
    except SourceError as error:
        _log.warning("calendar_not_read", error=str(error))
        return [], error


def _score(log: Engine, recommender: Recommender, at: datetime) -> None:
    with log.connect() as connection:
        unscored = cards.unscored(connection)
    for incident in unscored:
        scored = score(recommender, incident.finding, at) if incident.finding else None
        if scored is not None:
            handle(incident.stream, scored, actor=PREDICTOR, key=f"{incident.stream}:score", log=log)


def _see_again(log: Engine, blind: tuple[Finding, ...], at: datetime) -> None:
    """Where the calendar had been unreadable for long enough to be told: it is read again."""
    for finding in blind:
        with log.connect() as connection:
            stream = cards.unclosed(connection, finding.fingerprint)
        if stream is not None:
            cleared = ClearFinding(observed=1.0, expected=1.0, window_end=at)
            key = f"{finding.fingerprint}:cleared:{at.isoformat()}"
            handle(stream, cleared, actor=PREDICTOR, key=key, log=log)


def _looked_at(kept: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(kept.get("looked_at", "0001-01-01T00:00:00+00:00"))


def _next_look(kept: dict[str, Any], every: timedelta) -> datetime:
    return _looked_at(kept) if kept.get("failures") else _looked_at(kept) + every
