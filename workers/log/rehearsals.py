"""Rehearsals: written into their own stream of the log, and read back. Imports no science."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from domain.improvement.rehearsal import Rehearsed, newest_of, rehearsed, unrecorded
from domain.incident.events import REHEARSALS, HotfixRehearsed, Logged, Recorded
from domain.values import Actor
from workers.log.cardless import append_once
from workers.store.log.encoder import Origin
from workers.store.log.events import read_stream

BY_ITSELF = Actor(kind="worker", id="worker:rehearse")


def record(
    log: Engine, said: Iterable[HotfixRehearsed], *, actor: Actor, key: str, at: datetime
) -> tuple[Recorded, ...]:
    """
    Write what rehearsals showed; returns what was written, leaving out what the log already said that day.

    Args:
        key: the idempotency key; a second call with it changes nothing.

    Raises:
        VersionConflict: others kept appending first, `ATTEMPTS` times.
    """
    events = tuple(said)

    def decide(so_far: tuple[Recorded, ...]) -> Sequence[Logged]:
        return unrecorded(newest_of(rehearsed(so_far)), events)

    return append_once(log, REHEARSALS, decide, Origin(actor=actor, key=key, at=at))


def rehearsals(connection: Connection, until: datetime | None = None) -> tuple[Rehearsed, ...]:
    """All recorded rehearsals, oldest first; only those up to a moment if one is given."""
    every = rehearsed(read_stream(connection, REHEARSALS))
    return tuple(one for one in every if until is None or one.at <= until)
