"""What checks found without paging anybody, kept for their records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy import Engine

from domain.detection.correlate.joining import fingerprints
from domain.improvement.record import written
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.quiet import quiet
from workers.detect.record import alarms_of
from workers.store.memory import remember
from workers.store.related import reporting

_log = structlog.get_logger(__name__)


def quietly(log: Engine, recommender: Recommender, found: Iterable[Finding], at: datetime) -> list[Finding]:
    """
    The findings in `found` that people are told about; the others are written to the records of their checks.

    They are written before the look is remembered: a repeated look writes the same again, once.
    """
    loud: list[Finding] = []
    found = tuple(found)
    known = fingerprints(*(reporting(log, {one.fingerprint for one in found}) if found else ()))
    silent: dict[str, list[tuple[Finding, str]]] = {}
    for finding in found:
        why = quiet(recommender, finding, known)
        if why is None:
            loud.append(finding)
        else:
            silent.setdefault(finding.check, []).append((finding, why))
    for check, findings in silent.items():
        with log.begin() as connection:
            alarms = alarms_of(connection, check)
            kept = alarms
            for finding, why in findings:
                kept = written(kept, finding, why, at)
            if kept != alarms:
                remember(connection, f"alarms:{check}", [one.model_dump(mode="json") for one in kept])
                _log.info("found_quietly", check=check, titles=[one.title for one, _why in findings])
    return loud
