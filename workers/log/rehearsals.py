"""Rehearsals, written into the log's own stream for them, and read back. Imports no science."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Engine

from domain.errors import VersionConflict
from domain.improvement.rehearsal import Rehearsed, newest_of, news, rehearsed
from domain.incident.events import REHEARSALS, HotfixRehearsed, Recorded
from domain.values import Actor
from workers.log.handle import ATTEMPTS, wake
from workers.store.log.encoder import Origin
from workers.store.log.events import answer, append, head_of, read_stream

BY_ITSELF = Actor(kind="worker", id="worker:rehearse")


def record(
    log: Engine, said: Iterable[HotfixRehearsed], *, actor: Actor, key: str, at: datetime
) -> tuple[Recorded, ...]:
    """
    Write what rehearsals showed; what was written, and nothing of those that said the same before that day.

    Args:
        key: the idempotency key; a second call with it changes nothing.

    Raises:
        VersionConflict: others kept appending first, `ATTEMPTS` times.
    """
    origin, events = Origin(actor=actor, key=key, at=at), tuple(said)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with log.begin() as connection:
                written = _once(connection, events, origin)
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
            continue
        if written:
            wake(log)
        return written
    raise AssertionError("unreachable: the last attempt returns or raises")


def _once(connection: Connection, said: tuple[HotfixRehearsed, ...], origin: Origin) -> tuple[Recorded, ...]:
    if before := answer(connection, origin.key):
        return before
    head = head_of(connection, REHEARSALS)  # first: what comes after it is a conflict, and decided again
    events = news(newest_of(rehearsals(connection)), said)
    return append(connection, head, events, origin) if events else ()


def rehearsals(connection: Connection, until: datetime | None = None) -> tuple[Rehearsed, ...]:
    """All that were recorded, up to a moment where one is named; the oldest first."""
    every = rehearsed(read_stream(connection, REHEARSALS))
    return tuple(one for one in every if until is None or one.at <= until)
