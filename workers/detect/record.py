"""What checks found without paging anybody, kept; and the record of each check made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine

from domain.detection.correlate.joining import fingerprints
from domain.improvement.record import Alarm, Record, records, written
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.quiet import quiet
from workers.detect.run_outcomes import read_runs
from workers.store import cards
from workers.store.memory import recall, remember

__all__ = ["Alarm", "Record", "begin_records", "quietly", "read_alarms", "read_records"]

_log = structlog.get_logger(__name__)


def quietly(log: Engine, recommender: Recommender, found: Iterable[Finding], at: datetime) -> list[Finding]:
    """
    Those of `found` that people are told of; the others are written into the records of their checks.

    Written before the look is remembered: a look that is repeated writes the same once.
    """
    loud: list[Finding] = []
    found = tuple(found)
    told = _told(log) if found else frozenset[str]()
    silent: dict[str, list[tuple[Finding, str]]] = {}
    for finding in found:
        why = quiet(recommender, finding, told)
        if why is None:
            loud.append(finding)
        else:
            silent.setdefault(finding.check, []).append((finding, why))
    for check, findings in silent.items():
        with log.begin() as connection:
            alarms = _alarms(connection, check)
            kept = alarms
            for finding, why in findings:
                kept = written(kept, finding, why, at)
            if kept != alarms:
                remember(connection, f"alarms:{check}", [one.model_dump(mode="json") for one in kept])
                _log.info("found_quietly", check=check, titles=[one.title for one, _why in findings])
    return loud


def _told(log: Engine) -> frozenset[str]:
    """Fingerprints of what people know of by an incident that goes on."""
    with log.connect() as connection:
        return fingerprints(*cards.every(connection, ("open", "acknowledged", "resolved")))


def begin_records(log: Engine, checks: Iterable[Check], at: datetime) -> None:
    """From now on these are on record; one that enters or leaves the shadow begins anew."""
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
        alarms = [(check.name, alarm) for check in checks for alarm in _alarms(connection, check.name)]
        looks = read_runs(connection, at)
        begun = {check.name: recall(connection, f"record:{check.name}") for check in checks}
    since = {
        check.name: datetime.fromisoformat(kept["since"])
        for check in checks
        if (kept := begun[check.name]) and kept["shadow"] == check.shadow
    }
    return records(checks, incidents, alarms, since, at, looks)


def read_alarms(log: Engine, recommender: Recommender) -> list[tuple[str, Alarm]]:
    """(check, alarm) of all that was found quietly, the newest first."""
    with log.connect() as connection:
        every = [(name, alarm) for name in recommender.checks for alarm in _alarms(connection, name)]
    return sorted(every, key=lambda one: one[1].told_at, reverse=True)


def _alarms(connection: Connection, check: str) -> tuple[Alarm, ...]:
    return tuple(Alarm.model_validate(one) for one in recall(connection, f"alarms:{check}") or ())
