"""
The hashes that make a change of the log show.

Each event carries SHA-256 of (the hash before it in its stream + its own canonical bytes); each entry of the
log, SHA-256 of (the hash of the entry before it + the hash of its event). PostgreSQL makes the second one
itself (`chain_link` in migrations/).
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson


def in_utc(at: datetime) -> datetime:
    """The same moment in UTC, as every time of the log is."""
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def spelled(at: datetime) -> str:
    """A time as it is hashed: in UTC, to the microsecond."""
    return in_utc(at).isoformat(timespec="microseconds")


def canonical(row: Any) -> bytes:
    """The bytes of a row of `events` that its hash is over: keys in order, `data` as it was written."""
    # Sorted by hand: it is done for every event that is verified.
    content = {
        "actor": row["actor"],
        "actor_kind": row["actor_kind"],
        "at": spelled(row["at"]),
        "cause": row["cause"],
        "data": row["data"],
        "key": row["key"],
        "part": row["part"],
        "schema_version": row["schema_version"],
        "stream": row["stream"],
        "version": row["version"],
        "wire_name": row["wire_name"],
    }
    return orjson.dumps(content)


def chained(before: bytes, row: Any) -> bytes:
    """The hash of an event whose predecessor in its stream has the hash `before` (empty for the first)."""
    return sha256(before + canonical(row)).digest()


def sealed(before: bytes, content: dict[str, Any]) -> bytes:
    """The same of columns that are in order and whose time is `spelled`, as an event about to be written."""
    return sha256(before + orjson.dumps(content)).digest()


def linked(before: bytes, event_hash: bytes) -> bytes:
    """
    The hash of an entry of the log, after an entry with the hash `before` (empty for the first).

    >>> linked(b"", sha256(b"opened").digest()).hex()[:16]
    'ab43b0abb3c17edc'
    """
    return sha256(before + event_hash).digest()
