"""
Appends to the log, and reads it.

An append is one statement that waits for nobody: two writers of one stream collide at its unique version, two
uses of one key at the key. PostgreSQL's own `append_event` (in migrations/) writes it, if its hash
follows from its content and the previous hash, and puts its id into `pending`; the next reader has
PostgreSQL number what is pending, and so committed (`number_events`). An event without a number is not yet
visible to readers by position, so a reader that has seen position n never finds n - 1 filled in later.

An event without a seal of this installation was decided by no rule: readers pass over it
(`workers.store.log.recorded`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine

from domain.errors import LogError, NumberTaken, VersionConflict, sanitized
from domain.incident.events import Logged, Recorded
from workers.store.connection import cursor
from workers.store.log.encoder import JOINT, Head, Origin, draft
from workers.store.log.recorded import READ, from_rows
from workers.store.log.statement import Statement
from workers.store.seal import seal

CHANNEL = "recsysops_events"
STREAMED_ROWS = 100
CALL_SECONDS = 0.1
"""One process notifies the followers at most this often; whoever hears it looks again later than that."""

_IN_THE_WAY = {"events_stream_version_key", "events_key_part_key", "cards_pkey"}

COLUMNS = (
    "stream, version, wire_name, schema_version, data, actor_kind, actor, cause, at, key, part"
    ", hash, rules, seal"
)
"""Of `events`, in the order in which `append_event` takes them."""

# Event by event along the log: if joined as a whole, everything would be sorted before the first read.
_IN_ORDER = f"""
SELECT event.*, position FROM log
JOIN LATERAL (SELECT {READ} FROM events WHERE id = log.event_id OFFSET 0) AS event ON true
WHERE position > %s ORDER BY position"""  # noqa: S608 - constants

_SPELLED = {"version", "schema_version", "at", "part", "rules"}
_VALUES = ", ".join(f"%({name}){'s' if name in _SPELLED else 'b'}" for name in COLUMNS.split(", "))

_ONE = f"SELECT append_event({_VALUES})"

_BY = f"chr({ord(JOINT)})"

# Varying columns come joined: the driver takes longer to spell arrays than PostgreSQL to split them.
_SEVERAL = f"""
SELECT append_events(
    %(stream)b, %(first)s, string_to_array(%(wire_name)b, {_BY}),
    string_to_array(%(schema_version)b, {_BY})::int[], string_to_array(%(data)b, {_BY}), %(actor_kind)b,
    %(actor)b, %(cause)b, %(at)s, %(key)b, %(hash)b, %(rules)s, %(seal)b)
"""


@cache
def insert(several: bool, then: Callable[[str], str] | None = None) -> Statement:
    """
    The statement that writes a draft of one event or several.

    Args:
        then: extends it to a statement that also writes something from what it is given, and only after the
            events are written.
    """
    written = _SEVERAL if several else _ONE
    return Statement(then(f"FROM ({written}) AS appended") if then else written)


def append(
    connection: Connection, head: Head, events: Sequence[Logged], origin: Origin
) -> tuple[Recorded, ...]:
    """
    Write `events` after `head`, in the caller's transaction.

    Raises:
        VersionConflict: somebody else appended first, perhaps under the same key: look for its `answer`,
            otherwise read and decide again.
        LogError: an event would not read back as written.
    """
    made = draft(head, events, origin)
    write(connection, insert(len(events) > 1), made.parameters)
    return made.recorded


def write(connection: Connection, statement: Statement, parameters: dict[str, Any]) -> None:
    """
    Run a statement that appends.

    Raises:
        VersionConflict: somebody else appended first.
    """
    try:
        statement.run(connection, parameters)
    except psycopg.IntegrityError as error:
        raise conflict(error, parameters["stream"]) from error


def conflict(error: psycopg.IntegrityError, stream: str) -> Exception:
    """The exception for an integrity error: somebody was first, or the log is broken."""
    if error.diag.constraint_name == "cards_number_key":
        return NumberTaken(stream)
    if error.diag.constraint_name in _IN_THE_WAY:
        return VersionConflict(f"Somebody else appended first ({error.diag.constraint_name}); read again.")
    return LogError(f"The log refused the events: {sanitized(error)}")


def head_of(connection: Connection, stream: str) -> Head:
    """The current end of a stream."""
    query = "SELECT version, hash FROM events WHERE stream = %(stream)s ORDER BY version DESC LIMIT 1"
    row = connection.exec_driver_sql(query, {"stream": stream}).first()
    return Head(stream, row.version, bytes(row.hash)) if row else Head(stream)


def answer(connection: Connection, key: str) -> tuple[Recorded, ...]:
    """The events written under an idempotency key; empty if there are none."""
    query = f"SELECT {READ}, 0 FROM events WHERE key = %s ORDER BY part"  # noqa: S608 - a constant
    return _all(connection, query, key)


def taken(connection: Connection, key: str) -> bool:
    """Whether there is anything under an idempotency key, whoever put it there."""
    query = "SELECT EXISTS (SELECT FROM events WHERE key = %(key)s)"
    return bool(connection.exec_driver_sql(query, {"key": key}).scalar_one())


def unguessed(key: str) -> str:
    """A replacement for a guessable key that was taken by somebody who may not decide."""
    return f"{key}:{seal(key.encode())[:8].hex()}"


def read_stream(connection: Connection, stream: str) -> tuple[Recorded, ...]:
    """All events of a stream, oldest first; empty if there is no such stream."""
    query = f"SELECT {READ}, 0 FROM events WHERE stream = %s ORDER BY version"  # noqa: S608 - a constant
    return _all(connection, query, stream)


def archived(connection: Connection, stream: str) -> bool:
    """Whether a stream's events were archived."""
    query = "SELECT EXISTS (SELECT FROM archived WHERE stream = %(stream)s)"
    return bool(connection.exec_driver_sql(query, {"stream": stream}).scalar_one())


def number(log: Engine) -> int:
    """
    Give committed events without a number their position in the log; returns how many got one.

    Runs in a transaction of its own, so that nobody waits for it and it sees the newest commits.
    """
    with log.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return int(connection.exec_driver_sql("SELECT number_events()").scalar_one())


def read_after(connection: Connection, position: int, limit: int = 500) -> tuple[Recorded, ...]:
    """Up to `limit` numbered events of all streams after `position`, in order; call `number` first."""
    return _all(connection, f"{_IN_ORDER} LIMIT %s", position, limit)


def read_all(connection: Connection, position: int = 0) -> Iterator[Recorded]:
    """Every numbered event after `position`, in order, with only a few in memory at a time."""
    # This connection cannot be used for anything else meanwhile.
    rows = cursor(connection).stream(_IN_ORDER, (position,), binary=True, size=STREAMED_ROWS)
    yield from from_rows(rows)


def _all(connection: Connection, query: str, *parameters: Any) -> tuple[Recorded, ...]:
    # Binary, so that a row's numbers and times are not converted to text and back.
    found = cursor(connection).execute(query, parameters, binary=True)
    return tuple(from_rows(found.fetchall()))


def rows_after(connection: Connection, position: int, limit: int) -> Iterator[dict[str, Any]]:
    """The same as rows of `events`, with `position` and `entry_hash`, the hash of the log's entry."""
    query = f"""SELECT position, log.hash AS entry_hash, {COLUMNS.replace("hash", "events.hash")}
        FROM log JOIN events ON events.id = log.event_id
        WHERE position > %(position)s ORDER BY position LIMIT %(limit)s"""  # noqa: S608 - constants
    found = connection.exec_driver_sql(query, {"position": position, "limit": limit})
    names = list(found.keys())
    for row in found:
        yield dict(zip(names, row, strict=True))


def last_position(connection: Connection) -> int:
    """The position of the newest numbered event; 0 if there is none."""
    found = connection.exec_driver_sql("SELECT position FROM log ORDER BY position DESC LIMIT 1")
    return int(found.scalar_one_or_none() or 0)
