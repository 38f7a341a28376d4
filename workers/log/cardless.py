"""Streams that belong to no incident: the next events are decided from those already there, and appended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine

from domain.errors import VersionConflict
from domain.incident.events import Logged, Recorded
from workers.log.handle import ATTEMPTS, wake
from workers.store.log.encoder import Origin
from workers.store.log.events import answer, append, head_of, read_stream, taken, unguessed

Decide = Callable[[tuple[Recorded, ...]], Sequence[Logged]]
"""The events of a stream, oldest first → the events to append."""


def append_once(log: Engine, stream: str, decide: Decide, origin: Origin) -> tuple[Recorded, ...]:
    """
    Append what `decide` returns; returns what was written, now or earlier under this key, or nothing.

    Raises:
        Refused: what `decide` raises.
        VersionConflict: others kept appending first, `ATTEMPTS` times.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with log.begin() as connection:
                written = _once(connection, stream, decide, origin)
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
            continue
        if written:
            wake(log)
        return written
    raise AssertionError("unreachable: the last attempt returns or raises")


def _once(connection: Connection, stream: str, decide: Decide, origin: Origin) -> tuple[Recorded, ...]:
    if taken(connection, origin.key):  # checked first: somebody may commit between the two queries
        before = answer(connection, origin.key)
        return before or _once(connection, stream, decide, origin._replace(key=unguessed(origin.key)))
    head = head_of(connection, stream)  # read first: a later append is a conflict, and decided again
    events = decide(read_stream(connection, stream))
    return append(connection, head, events, origin) if events else ()
