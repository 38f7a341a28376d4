"""The record of each check, built from incidents and from what it found without paging anybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from domain.improvement.record import Alarm, Record, records
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.detect.run_outcomes import read_runs
from workers.store import cards
from workers.store.memory import recall, remember

__all__ = ["Alarm", "Record", "alarms_of", "begin_records", "read_alarms", "read_records"]


def begin_records(log: Engine, checks: Iterable[Check], at: datetime) -> None:
    """Put these checks on record from now on; one that enters or leaves shadow mode begins anew."""
    with log.begin() as connection:
        for check in checks:
            kept = recall(connection, f"record:{check.name}")
            if kept is None or kept["shadow"] != check.shadow:
                remember(connection, f"record:{check.name}", {"since": at, "shadow": check.shadow})


def read_records(log: Engine, recommender: Recommender, at: datetime) -> tuple[Record, ...]:
    """The record of each declared check."""
    checks: Sequence[Check] = tuple(recommender.checks.values())
    with log.connect() as connection:
        incidents = cards.every(connection)
        alarms = [(check.name, alarm) for check in checks for alarm in alarms_of(connection, check.name)]
        looks = read_runs(connection, at)
        begun = {check.name: recall(connection, f"record:{check.name}") for check in checks}
    since = {
        check.name: datetime.fromisoformat(kept["since"])
        for check in checks
        if (kept := begun[check.name]) and kept["shadow"] == check.shadow
    }
    return records(checks, incidents, alarms, since, at, looks)


def read_alarms(log: Engine, recommender: Recommender) -> list[tuple[str, Alarm]]:
    """(check, alarm) for everything found without paging anybody, newest first."""
    with log.connect() as connection:
        every = [(name, alarm) for name in recommender.checks for alarm in alarms_of(connection, name)]
    return sorted(every, key=lambda one: one[1].told_at, reverse=True)


def alarms_of(connection: Connection, check: str) -> tuple[Alarm, ...]:
    """What a check found without paging anybody, oldest first."""
    return tuple(Alarm.model_validate(one) for one in recall(connection, f"alarms:{check}") or ())
