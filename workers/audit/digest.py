"""The scheduled digest of the scorecard: the clock records that it is due, and the bot posts it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Engine

from domain.incident.events import DigestDue
from domain.recommender.keys.schedule import newest
from domain.recommender.recommender import Recommender
from workers.log.digests import is_due, record_due
from workers.store.memory import recall, remember

MEMORY = "digest:declared"
MADE_UP = timedelta(days=1)
"""A clock that was down still records a digest as due for this long after its moment."""

_log = structlog.get_logger(__name__)


def digest_tick(log: Engine, recommender: Recommender, at: datetime) -> bool:
    """
    Record a digest as due if one is; returns whether it is new.

    The first digest is due at the next declared moment after this was first called. Changing the declared
    moment starts afresh in the same way, so nobody gets two digests in one week because it was moved.
    """
    schedule = recommender.scorecard.schedule
    if schedule is None:
        return False
    moment = newest(schedule, at, ZoneInfo(recommender.timezone))
    if moment <= _declared_since(log, schedule, recommender.timezone, at) or at - moment > MADE_UP:
        return False
    if is_due(log, moment):
        return False
    record_due(log, DigestDue(due_at=moment, recommender=recommender.name), at)
    _log.info("digest_due", moment=moment.isoformat())
    return True


def _declared_since(log: Engine, schedule: str, zone: str, at: datetime) -> datetime:
    declared = {"schedule": schedule, "zone": zone}
    with log.begin() as connection:
        known: dict[str, str] = recall(connection, MEMORY) or {}
        if {key: known.get(key) for key in declared} == declared:
            return datetime.fromisoformat(known["since"])
        remember(connection, MEMORY, {**declared, "since": at.isoformat()})
    return at
