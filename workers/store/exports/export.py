"""
The log as JSON lines, streamed: one event per line, in log order, with both of its hashes.

Such a file can be checked without the store (`workers.store.exports.check`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine

from domain.errors import Refused, Tampered
from workers.store.log import checkpoint
from workers.store.log.events import COLUMNS, last_position, number
from workers.store.log.line import BODY, SEALED, spell

ROWS_AT_ONCE = 2_000
EACH_BY_ITS_KEY = "SET LOCAL enable_material = off"
"""Without statistics, right after an import, PostgreSQL would scan all events for each entry."""

_EVENT = ", ".join(f"events.{name}" for name in COLUMNS.split(", ") if name in (*BODY, *SEALED))
_ENTRIES = f"""
SELECT log.position, log.hash AS entry_hash, coalesce(events.stream, archived.stream) AS stream,
    coalesce(events.version, archived.version) AS version, {_EVENT},
    coalesce(events.hash, archived.hash) AS hash, archived.archive AS archived, NULL::bytea AS before
FROM log
LEFT JOIN events ON events.id = log.event_id
LEFT JOIN archived ON archived.position = log.position
WHERE log.position > %(position)s ORDER BY log.position LIMIT %(limit)s
"""  # noqa: S608 - constants

# The preceding hash in the stream, for exports that do not start at the beginning of the log.
_WITH_BEFORE = f"""
SELECT entry.*, coalesce(event_before.hash, archived_before.hash) AS before
FROM ({_ENTRIES.replace(", NULL::bytea AS before", "")}) AS entry
LEFT JOIN events AS event_before
    ON event_before.stream = entry.stream AND event_before.version = entry.version - 1
LEFT JOIN archived AS archived_before
    ON archived_before.stream = entry.stream AND archived_before.version = entry.version - 1
ORDER BY entry.position
"""  # noqa: S608 - constants


def export(log: Engine, after: int = 0, key: Ed25519PrivateKey | None = None) -> Iterator[bytes]:
    """
    Lines of JSON, each with its newline: the columns of `events`, `data` decoded, hashes in hexadecimal.

    Args:
        after: starts after this position, so that a nightly export can go on where the last one ended. What
            comes before is then referred to by its hash, so that every line can still be checked.
        key: signs the final line, the checkpoint: the position reached, and the log's hash there.

    Raises (at once, not at the first line):
        Refused: the log ends before `after`, or is empty and there is nothing to sign.

    Raises (at the line):
        Tampered: an event is missing.
    """
    number(log)
    with log.connect() as connection:
        end = last_position(connection)
    if after > end:
        raise Refused(f"The log ends at position {end}; there is nothing behind position {after}.")
    if key is not None and not end:
        raise Refused("The log is empty: there is nothing yet that a checkpoint could vouch for.")
    return _lines(log, after, key)


def _lines(log: Engine, after: int, key: Ed25519PrivateKey | None) -> Iterator[bytes]:
    position, entry_hash = after, _entry_hash(log, after)
    for row in _rows(log, after):
        if position == after and after > 0:
            row["entry_before"] = entry_hash
        position = row["position"]
        yield spell(row)
    if key is not None:
        with log.connect() as connection:
            yield checkpoint.spell(checkpoint.make_at(connection, position, key))


def _rows(log: Engine, after: int) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    position = after
    while True:
        with log.connect() as connection:
            rows = _some(connection, position, after > 0)
        if not rows:
            return
        for row in rows:
            before = row.pop("before")
            if before is not None and row["stream"] not in seen:
                row["before"] = before
            if after:
                seen.add(row["stream"])
            yield row
        position = rows[-1]["position"]


def _some(connection: Connection, position: int, with_before: bool) -> list[dict[str, Any]]:
    connection.exec_driver_sql(EACH_BY_ITS_KEY)
    query = _WITH_BEFORE if with_before else _ENTRIES
    found = connection.exec_driver_sql(query, {"position": position, "limit": ROWS_AT_ONCE})
    names = list(found.keys())
    return [_entry(dict(zip(names, row, strict=True))) for row in found]


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    """An archived event's place and hashes; otherwise the whole event."""
    if row["stream"] is None:
        raise Tampered(f"The event at position {row['position']} of the log is gone.")
    gone = {"archived"} if row["data"] is not None else set(BODY)
    if row["seal"] is None:
        gone |= set(SEALED)
    return {name: value for name, value in row.items() if name not in gone}


def _entry_hash(log: Engine, position: int) -> bytes:
    with log.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT hash FROM log WHERE position = %(position)s", {"position": position}
        )
        return bytes(found.scalar_one_or_none() or b"")
