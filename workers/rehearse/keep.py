"""Rehearsals on schedule: one hotfix after another, each recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Engine

from domain.recommender.keys.schedule import newest
from domain.recommender.practice.rehearsals import NEVER
from domain.recommender.recommender import Recommender
from workers.log.rehearsals import BY_ITSELF, record
from workers.rehearse.rehearse import rehearse_one
from workers.store.lock import alone
from workers.store.memory import recall, remember

MEMORY = "rehearsals"
_log = structlog.get_logger(__name__)


def rehearse_tick(log: Engine, recommender: Recommender, at: datetime, environment: Mapping[str, str]) -> int:
    """
    Rehearse the first hotfix that is due, and record the result; returns how many were rehearsed, 0 or 1.

    Only one per tick, as looks at tables wait for it. A new hotfix is due at the next scheduled moment. It
    counts as rehearsed once begun, so that one which kills its worker is not started again and again.
    """
    schedule = recommender.rehearsals.schedule
    if schedule == NEVER:
        return 0
    with alone(log, "tick:rehearse") as mine:
        if not mine:
            return 0
        moment = newest(schedule, at, ZoneInfo(recommender.timezone))
        with log.begin() as connection:
            before: dict[str, Any] = recall(connection, MEMORY) or {}
            kept = {name: before.get(name, at.isoformat()) for name in recommender.hotfixes}
            due = [name for name, last in kept.items() if datetime.fromisoformat(last) < moment]
            if due:
                kept[due[0]] = at.isoformat()
            if kept != before:
                remember(connection, MEMORY, kept)
        if not due:
            return 0
        found = rehearse_one(recommender, recommender.hotfixes[due[0]], at, environment)
        record(log, (found,), actor=BY_ITSELF, key=f"rehearsal:{due[0]}:{at.isoformat()}", at=at)
    _log.info("rehearsed", hotfix=found.hotfix, verdict=found.verdict, says=found.says)
    return 1
