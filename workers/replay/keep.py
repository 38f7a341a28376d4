"""Replays on schedule: all incidents at once; keeps the newest result, and what it says about follow-ups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Engine

from domain.recommender.keys.schedule import newest
from domain.recommender.practice.rehearsals import NEVER
from domain.recommender.recommender import Recommender
from domain.replayed import ReplayAnswer
from workers.environment.settings import Settings
from workers.replay.again import replay
from workers.replay.follow import follow
from workers.replay.newest import begin, begun_at, keep_newest
from workers.store.lock import REPLAYS, alone

_log = structlog.get_logger(__name__)


def replay_tick(log: Engine, recommender: Recommender, environment: Settings, at: datetime) -> bool:
    """
    Replay all incidents if that is due, and keep the result; returns whether it was due.

    The first replay is due at the next scheduled moment after this was first asked. While follow-ups are
    being tried, it waits for a later tick.
    """
    schedule = recommender.replays.schedule
    if schedule == NEVER:
        return False
    with alone(log, REPLAYS) as mine:
        if not mine:
            return False
        moment = newest(schedule, at, ZoneInfo(recommender.timezone))
        with log.begin() as connection:
            last = begun_at(connection)
            due = last is not None and last < moment
            if due or last is None:
                begin(connection, at)
        if not due:
            return False
        found = replay(log, recommender, environment, at)
        with log.begin() as connection:
            keep_newest(connection, found)

        def again(less: Recommender, numbers: Sequence[int]) -> ReplayAnswer:
            return replay(log, less, environment, at, numbers)

        follow(log, recommender, found, again, at)
    _log.info("replayed", incidents=len(found.incidents), worse=[one.number for one in found.worse])
    return True
