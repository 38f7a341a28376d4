"""
The hashes that reveal any change of the log.

Each event carries SHA-256 of (the previous hash in its stream + its own canonical bytes); each entry of the
log, SHA-256 of (the hash of the previous entry + the hash of its event). PostgreSQL computes the second one
itself (`chain_link` in migrations/).
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from operator import itemgetter
from typing import Any

import orjson


def in_utc(at: datetime) -> datetime:
    """The same moment in UTC, like every time in the log."""
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def spelled(at: datetime) -> str:
    """A time in the form that is hashed: in UTC, to the microsecond."""
    return in_utc(at).isoformat(timespec="microseconds")


def canonical(row: Any) -> bytes:
    """The bytes of a row of `events` that its hash covers: keys in order, `data` as it was written."""
    return content_of(*_in_order(row))


def content_of(  # noqa: PLR0913, PLR0917 - one per column: it runs for every event that is read
    actor: str,
    actor_kind: str,
    at: datetime,
    cause: str | None,
    data: str,
    key: str,
    part: int,
    schema_version: int,
    stream: str,
    version: int,
    wire_name: str,
) -> bytes:
    """The same from its columns."""
    # Sorted by hand, for the same reason; orjson spells a time faster, but without a fraction of zero.
    content = {
        "actor": actor,
        "actor_kind": actor_kind,
        "at": at if at.tzinfo is UTC and at.microsecond else spelled(at),
        "cause": cause,
        "data": data,
        "key": key,
        "part": part,
        "schema_version": schema_version,
        "stream": stream,
        "version": version,
        "wire_name": wire_name,
    }
    return orjson.dumps(content)


def chained(before: bytes, row: Any) -> bytes:
    """The hash of an event whose predecessor in its stream has the hash `before` (empty for the first)."""
    return hashed(before, canonical(row))


def hashed(before: bytes, content: bytes) -> bytes:
    """The same from its canonical bytes. PostgreSQL, too, computes it for each append (`event_hash`)."""
    return sha256(before + content).digest()


def linked(before: bytes, event_hash: bytes) -> bytes:
    """
    The hash of an entry of the log, after an entry with the hash `before` (empty for the first).

    >>> linked(b"", sha256(b"opened").digest()).hex()[:16]
    '6caadb88849864ba'
    """
    return sha256(before + event_hash).digest()


_in_order = itemgetter(
    *("actor", "actor_kind", "at", "cause", "data", "key", "part"),
    *("schema_version", "stream", "version", "wire_name"),
)
