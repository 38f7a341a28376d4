"""
Append to the log, and read it.

Positions are in the order of commits: an append holds one advisory lock from before its position is drawn
until its transaction ends, so a reader that has seen position n never finds n - 1 filled in later. It costs
group commit between writers; an incident log has few of them.

Each event carries SHA-256 of (the hash before it in its stream + its own canonical bytes).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError

from domain.errors import LogError, VersionConflict
from domain.incident.codec import decode, encode
from domain.incident.events import IncidentEvent, Recorded
from domain.values import Actor, Moment, Value
from workers.store.tables import EventRow

APPEND_LOCK = 5_270_001
CHANNEL = "recsysops_events"

_EVENTS = EventRow.__table__  # type: ignore[attr-defined]
_IN_THE_WAY = {"events_stream_version_key", "events_key_part_key", "cards_pkey", "cards_number_key"}


class Origin(Value):
    """Who asked, under which idempotency key, because of which event, and when."""

    actor: Actor
    key: str
    cause: str | None = None
    at: Moment


def event_id(stream: str, version: int) -> str:
    """The id of an event: its place in its stream, so that it is the same wherever it is made."""
    return f"{stream}:{version}"


def queue_up(connection: Connection) -> None:
    """Wait for the right to append, and keep it until the transaction ends. Asking twice is harmless."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": APPEND_LOCK})


def append(
    connection: Connection,
    stream: str,
    expected_version: int,
    events: Sequence[IncidentEvent],
    origin: Origin,
) -> tuple[Recorded, ...]:
    """
    Write `events` after `expected_version` of `stream`, in the caller's transaction.

    Raises:
        VersionConflict: somebody else appended first, perhaps under the same key: look for its `answer`,
            else read again and decide again.
        LogError: an event would not read back as it was written (for instance an infinite number in it).
    """
    queue_up(connection)
    version, before = _head(connection, stream)
    if version != expected_version:
        raise VersionConflict(f"{stream} stands at version {version}, not {expected_version}; read it again.")
    rows: list[dict[str, Any]] = []
    for part, event in enumerate(events):
        row = _row(stream, version + part + 1, part, event, origin)
        before = row["hash"] = chained(before, row)
        rows.append(row)
    try:
        found = connection.execute(insert(_EVENTS).returning(_EVENTS.c.position, _EVENTS.c.version), rows)
    except IntegrityError as error:
        raise conflict(error) from error
    positions = {row.version: row.position for row in found}
    return tuple(recorded_from({**row, "position": positions[row["version"]]}) for row in rows)


def conflict(error: IntegrityError) -> Exception:
    """What an integrity error means: somebody was first, or the log is broken."""
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if constraint in _IN_THE_WAY:
        return VersionConflict(f"Somebody else appended first ({constraint}); read again.")
    return LogError(f"The log refused the events: {error.orig}")


def answer(connection: Connection, key: str) -> tuple[Recorded, ...]:
    """The events written under an idempotency key; empty where there are none."""
    query = select(_EVENTS).where(_EVENTS.c.key == key).order_by(_EVENTS.c.part)
    return tuple(recorded_from(row._mapping) for row in connection.execute(query))


def read_stream(connection: Connection, stream: str) -> tuple[Recorded, ...]:
    """All events of a stream, oldest first; empty where there is no such stream."""
    query = select(_EVENTS).where(_EVENTS.c.stream == stream).order_by(_EVENTS.c.version)
    return tuple(recorded_from(row._mapping) for row in connection.execute(query))


def read_after(connection: Connection, position: int, limit: int = 500) -> tuple[Recorded, ...]:
    """Up to `limit` events of all streams after `position`, in the order of commits."""
    query = select(_EVENTS).where(_EVENTS.c.position > position).order_by(_EVENTS.c.position).limit(limit)
    return tuple(recorded_from(row._mapping) for row in connection.execute(query))


def last_position(connection: Connection) -> int:
    """The position of the newest event; 0 while there is none."""
    return int(connection.execute(text("SELECT coalesce(max(position), 0) FROM events")).scalar_one())


def canonical(row: Any) -> bytes:
    """The bytes of a row that its hash is over: everything but position and hash, keys in order."""
    at: datetime = row["at"]
    names = (
        "stream",
        "version",
        "wire_name",
        "schema_version",
        "data",
        "actor_kind",
        "actor",
        "cause",
        "key",
        "part",
    )
    content = {name: row[name] for name in names} | {
        "at": at.astimezone(UTC).isoformat(timespec="microseconds")
    }
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def chained(before: bytes, row: Any) -> bytes:
    """The hash of a row whose predecessor in the stream has the hash `before` (empty for the first)."""
    return sha256(before + canonical(row)).digest()


def canonical_matches(before: bytes, row: Any) -> bool:
    """True where a row's hash is the one its content and its predecessor's hash make."""
    return chained(before, row) == bytes(row["hash"])


def row_name(row: Any) -> str:
    """An event in words, for whoever has to look for it."""
    return f"event {row['position']} ({row['wire_name']}, version {row['version']} of {row['stream']})"


def recorded_from(row: Any) -> Recorded:
    """The event of a row of `events`."""
    return Recorded(
        position=row["position"],
        stream=row["stream"],
        version=row["version"],
        id=event_id(row["stream"], row["version"]),
        at=row["at"].astimezone(UTC),
        actor_kind=row["actor_kind"],
        actor=row["actor"],
        cause=row["cause"],
        key=row["key"],
        event=decode(row["wire_name"], row["schema_version"], orjson.loads(row["data"])),
    )


def _head(connection: Connection, stream: str) -> tuple[int, bytes]:
    newest = select(_EVENTS.c.version, _EVENTS.c.hash).where(_EVENTS.c.stream == stream)
    row = connection.execute(newest.order_by(_EVENTS.c.version.desc()).limit(1)).first()
    return (row.version, bytes(row.hash)) if row else (0, b"")


def _row(stream: str, version: int, part: int, event: IncidentEvent, origin: Origin) -> dict[str, Any]:
    return {
        "stream": stream,
        "version": version,
        "wire_name": event.wire_name,
        "schema_version": event.schema_version,
        "data": _written(event),
        "actor_kind": origin.actor.kind,
        "actor": origin.actor.id,
        "cause": origin.cause,
        "at": origin.at,
        "key": origin.key,
        "part": part,
    }


def _written(event: IncidentEvent) -> str:
    """An event that cannot be read back would stop every follower for ever: refuse it here."""
    try:
        data = orjson.dumps(encode(event), option=orjson.OPT_SORT_KEYS)
        same = decode(event.wire_name, event.schema_version, orjson.loads(data)) == event
    except (ValidationError, orjson.JSONEncodeError) as error:
        raise LogError(f"{event.wire_name} cannot be written as JSON: {error}") from error
    if not same:
        raise LogError(f"{event.wire_name} would not read back as it was written; is a number in it NaN?")
    return data.decode()
