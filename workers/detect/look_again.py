"""
Looks again for a cause that could not be found yet, as more is logged.

An incident is detected within a window of its onset, when so little is logged that chance may hide what the
cause does to the metric. It is diagnosed again after 1, 2, 4, 8 and 16 windows, until a cause is named.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import log2

import structlog
from sqlalchemy import Engine

from domain.errors import Refused
from domain.incident.commands import LookAgain
from domain.incident.decide.rule import in_hand
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding
from workers.checks.plan import window_of
from workers.log.handle import handle
from workers.store import cards

TIMES = 5
LEAST = timedelta(minutes=1)
NEWEST = 50  # incidents that are looked at: with more open, nobody could tell the causes apart
_log = structlog.get_logger(__name__)


def look_again(log: Engine, recommender: Recommender, actor: Actor, at: datetime) -> int:
    """
    Have each open incident without a cause diagnosed again if that is due; returns how many were.

    The key says which repetition it is, so that it is asked only once however many runs find it due.
    """
    with log.connect() as connection:
        newest = cards.page(connection, statuses=("open", "acknowledged"), limit=NEWEST)
    asked = 0
    for incident in newest:
        finding = incident.finding
        if finding is None or not _unexplained(incident):
            continue
        time = _time(at - incident.opened_at, max(window_of(recommender, finding), LEAST))
        if time is None:
            continue
        key = f"{incident.stream}:look-again:{time}"
        try:
            asked += not handle(incident.stream, LookAgain(), actor=actor, key=key, log=log).repeated
        except Refused as refused:
            _log.info("not_looked_into_again", incident=incident.number, why=str(refused))
    return asked


def moments(recommender: Recommender, finding: Finding, opened_at: datetime) -> tuple[datetime, ...]:
    """When an incident without a cause is diagnosed again."""
    window = max(window_of(recommender, finding), LEAST)
    return tuple(opened_at + window * 2**time for time in range(TIMES))


def _unexplained(incident: Incident) -> bool:
    """Whether it was diagnosed, no cause was named, and nobody has acted on it since."""
    found = incident.diagnosis
    if found is None or found.cause is not None or incident.kind != "detected":
        return False
    busy = "diagnose" in incident.awaits or "menu" in incident.awaits
    return not busy and incident.cleared_at is None and in_hand(incident) is None


def _time(age: timedelta, window: timedelta) -> int | None:
    """
    Which repetition is due for an incident of this age; None before the first and after the last.

    >>> minute = timedelta(minutes=1)
    >>> [_time(minutes * minute, minute) for minutes in (0, 1, 3, 4, 31, 32)]
    [None, 0, 1, 2, 4, None]
    """
    time = int(log2(age / window)) if age >= window else TIMES
    return time if time < TIMES else None
