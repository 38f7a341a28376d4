"""The digest of the scorecard on schedule: the clock says that it is due, and the bot posts it."""

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
"""So long after its moment a clock that was down still says that a digest is due."""

_log = structlog.get_logger(__name__)


def digest_tick(log: Engine, recommender: Recommender, at: datetime) -> bool:
    """
    Record that a digest is due where one is; returns whether this is new.

    The first is due at the next declared moment after this was first asked, and so is the first after the
    moment was declared anew: nobody gets two in a week by moving it.
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
