"""Keeps the inputs of a diagnosis once it is in the log, and records as its own event whether that worked."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import structlog

from domain.errors import sanitized
from domain.incident import commands as c
from domain.incident.events import DiagnosisGathered
from domain.recommender.recommender import Recommender
from workers.bundle.keep import Looked, keep
from workers.bundle.objects import objects_of
from workers.environment import clock, redaction
from workers.environment.settings import settings
from workers.log.obligations import Work
from workers.store.log.events import read_stream

SALT_BYTES = 32
_log = structlog.get_logger(__name__)


def keep_bundle(work: Work, recommender: Recommender, looked: Looked) -> Iterator[c.Command]:
    """
    What to record about the bundle of a recorded diagnosis; nothing if the log did not accept the diagnosis.

    It never raises: failing to keep the inputs must not harm the diagnosis.
    """
    event = _recorded(work)
    if event is None:
        return
    try:
        kept = keep(
            objects_of(recommender.bundle, settings()),
            recommender,
            looked,
            number=work.incident.number,
            event=event,
            at=clock.now(),
            salt=secrets.token_bytes(SALT_BYTES),
        )
    except Exception as error:  # noqa: BLE001 (whatever it was, it is recorded where people see it)
        _log.exception("bundle_not_kept", incident=work.incident.number)
        reason = redaction.prose(sanitized(error))
        yield c.RecordBundleFailure(diagnosis=event, reason=reason)
    else:
        yield c.RecordBundle(diagnosis=event, **kept.model_dump())


def _recorded(work: Work) -> str | None:
    """The id of the event that settled the obligation with a diagnosis."""
    with work.log.connect() as connection:
        answers = [
            record.id
            for record in read_stream(connection, work.incident.stream)
            if isinstance(record.event, DiagnosisGathered) and record.cause == work.obligation.event_id
        ]
    return answers[-1] if answers else None
