"""
Append to the log, and read it.

An append is one INSERT that waits for nobody: two writers of one stream meet at its unique version, two
askings of one key at the key. It also puts the event's id into `pending`; whoever reads next has PostgreSQL
number what is pending, and so committed (`number_events` in migrations/). What has no number yet is not
visible to a reader by position, so a reader that has seen position n never finds n - 1 filled in later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from operator import itemgetter
from typing import Any

import orjson
import psycopg
from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from domain.errors import LogError, VersionConflict
from domain.incident.codec import decode_text, encode
from domain.incident.events import Logged, Recorded
from domain.values import Actor, Moment, Value
from workers.store.chain import chained
from workers.store.connection import cursor

CHANNEL = "recsysops_events"
STREAMED_ROWS = 100
CALL_SECONDS = 0.02
"""One process calls the followers at most this often; whoever hears a call looks again later than that."""

_IN_THE_WAY = {"events_stream_version_key", "events_key_part_key", "cards_pkey", "cards_number_key"}

COLUMNS = "stream, version, wire_name, schema_version, data, actor_kind, actor, cause, at, key, part, hash"

_READ = COLUMNS.removesuffix(", part, hash")

# Event by event along the log: joined as a whole, everything would be sorted before the first one is read.
_IN_ORDER = f"""
SELECT position, event.* FROM log
JOIN LATERAL (SELECT {_READ} FROM events WHERE id = log.event_id OFFSET 0) AS event ON true
WHERE position > %s ORDER BY position"""  # noqa: S608 - constants

_VALUES = ", ".join(f"%({name})s" for name in COLUMNS.split(", "))

_ONE = f"WITH written AS (INSERT INTO events ({COLUMNS}) VALUES ({_VALUES}) RETURNING id)"  # noqa: S608

# What differs comes joined: the driver takes longer to spell arrays out than PostgreSQL to write the rows.
_SEVERAL = f"""
WITH written AS (
    INSERT INTO events ({COLUMNS})
    SELECT %(stream)s, %(before)s + n, wire_name, schema_version::int, data, %(actor_kind)s, %(actor)s,
           %(cause)s, %(at)s, %(key)s, n - 1, substr(%(hash)s, (n::int - 1) * 32 + 1, 32)
    FROM ROWS FROM (string_to_table(%(wire_name)s, E'\\x1e'), string_to_table(%(schema_version)s, E'\\x1e'),
                    string_to_table(%(data)s, E'\\x1e'))
         WITH ORDINALITY AS event (wire_name, schema_version, data, n)
    ORDER BY n
    RETURNING id)
"""  # noqa: S608 - constants
_JOINT = "\x1e"
"""A control character, which JSON never holds as it is."""

_PENDING = "INSERT INTO pending (event_id) SELECT id FROM written"


class Origin(Value):
    """Who asked, under which idempotency key, because of which event, and when."""

    actor: Actor
    key: str
    cause: str | None = None
    at: Moment


@dataclass(frozen=True)
class Head:
    """Where a stream stands: its newest version and that event's hash (0 and empty before the first)."""

    stream: str
    version: int = 0
    hash: bytes = b""


@dataclass(frozen=True)
class Draft:
    """Events about to be written: as they will read back, and as the parameters of the statement for them."""

    recorded: tuple[Recorded, ...]
    parameters: dict[str, Any]
    head: Head
    """Where the stream stands once they are written."""


def event_id(stream: str, version: int) -> str:
    """The id of an event: its place in its stream, so that it is the same wherever it is made."""
    return f"{stream}:{version}"


def draft(head: Head, events: Sequence[Logged], origin: Origin) -> Draft:
    """
    The events that come after `head`, chained to it.

    Raises:
        LogError: an event would not read back as it was written (for instance an infinite number in it).
    """
    rows: list[dict[str, Any]] = []
    before = head.hash
    for part, event in enumerate(events):
        row = _row(head.stream, head.version + part + 1, part, event, origin)
        before = row["hash"] = chained(before, row)
        rows.append(row)
    recorded = tuple(_recorded((0, *_in_row(row)), event) for row, event in zip(rows, events, strict=True))
    parameters = _joined(head, rows) if len(rows) > 1 else dict(*rows)
    return Draft(recorded, parameters, Head(head.stream, head.version + len(rows), before))


@cache
def insert(several: bool, rest: str = "") -> str:
    """What writes a draft of one event or several, in one statement with `rest`, another INSERT."""
    written = _SEVERAL if several else _ONE
    return f"{written}, queued AS ({_PENDING}) {rest}" if rest else f"{written} {_PENDING}"


def _joined(head: Head, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Parameters of `_SEVERAL`: what the events share once, the rest joined."""
    names = ("wire_name", "schema_version", "data")
    columns = {name: _JOINT.join([str(row[name]) for row in rows]) for name in names}
    return {**rows[0], "before": head.version, **columns, "hash": b"".join([row["hash"] for row in rows])}


def append(
    connection: Connection, head: Head, events: Sequence[Logged], origin: Origin
) -> tuple[Recorded, ...]:
    """
    Write `events` after `head`, in the caller's transaction.

    Raises:
        VersionConflict: somebody else appended first, perhaps under the same key: look for its `answer`,
            else read again and decide again.
        LogError: an event would not read back as it was written.
    """
    made = draft(head, events, origin)
    write(connection, insert(len(events) > 1), made.parameters)
    return made.recorded


def write(connection: Connection, statement: str, parameters: dict[str, Any]) -> None:
    """
    Run a statement that appends.

    Raises:
        VersionConflict: somebody else appended first.
    """
    try:
        cursor(connection).execute(statement, parameters)
    except psycopg.IntegrityError as error:
        raise conflict(error) from error


def conflict(error: psycopg.IntegrityError) -> Exception:
    """What an integrity error means: somebody was first, or the log is broken."""
    if error.diag.constraint_name in _IN_THE_WAY:
        return VersionConflict(f"Somebody else appended first ({error.diag.constraint_name}); read again.")
    return LogError(f"The log refused the events: {error}")


def head_of(connection: Connection, stream: str) -> Head:
    """Where a stream stands now."""
    query = "SELECT version, hash FROM events WHERE stream = %(stream)s ORDER BY version DESC LIMIT 1"
    row = connection.exec_driver_sql(query, {"stream": stream}).first()
    return Head(stream, row.version, bytes(row.hash)) if row else Head(stream)


def answer(connection: Connection, key: str) -> tuple[Recorded, ...]:
    """The events written under an idempotency key; empty where there are none."""
    query = f"SELECT 0, {_READ} FROM events WHERE key = %s ORDER BY part"  # noqa: S608 - a constant
    return _all(connection, query, key)


def read_stream(connection: Connection, stream: str) -> tuple[Recorded, ...]:
    """All events of a stream, oldest first; empty where there is no such stream."""
    query = f"SELECT 0, {_READ} FROM events WHERE stream = %s ORDER BY version"  # noqa: S608 - a constant
    return _all(connection, query, stream)


def archived(connection: Connection, stream: str) -> bool:
    """Whether a stream's events were moved into an archive."""
    query = "SELECT EXISTS (SELECT FROM archived WHERE stream = %(stream)s)"
    return bool(connection.exec_driver_sql(query, {"stream": stream}).scalar_one())


def number(log: Engine) -> int:
    """
    Give what is committed and has no number yet its position in the log; returns how many got one.

    In a transaction of its own, so that nobody waits for it and it sees the newest commits.
    """
    with log.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return int(connection.exec_driver_sql("SELECT number_events()").scalar_one())


def read_after(connection: Connection, position: int, limit: int = 500) -> tuple[Recorded, ...]:
    """Up to `limit` numbered events of all streams after `position`, in order; `number` them first."""
    return _all(connection, f"{_IN_ORDER} LIMIT %s", position, limit)


def read_all(connection: Connection, position: int = 0) -> Iterator[Recorded]:
    """Every numbered event after `position`, in order, few of them in memory at a time."""
    # Nothing else can be asked on this connection meanwhile.
    for row in cursor(connection).stream(_IN_ORDER, (position,), binary=True, size=STREAMED_ROWS):
        yield _recorded(row)


def _all(connection: Connection, query: str, *parameters: Any) -> tuple[Recorded, ...]:
    # Binary, as the numbers and times of a row are then not spelled out and read again.
    found = cursor(connection).execute(query, parameters, binary=True)
    return tuple([_recorded(row) for row in found.fetchall()])


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
    """The position of the newest numbered event; 0 while there is none."""
    found = connection.exec_driver_sql("SELECT position FROM log ORDER BY position DESC LIMIT 1")
    return int(found.scalar_one_or_none() or 0)


def recorded_from(row: Any) -> Recorded:
    """The event of a row of `events`."""
    return _recorded((row.get("position", 0), *_in_row(row)))


def _recorded(row: tuple[Any, ...], event: Logged | None = None) -> Recorded:
    """
    The event of a row: its position, and the columns of `_READ`.

    `Recorded.model_construct` is written out here: it would take a third of the time of a replay.
    """
    position, stream, version, wire_name, schema_version, data, actor_kind, actor, cause, at, key = row
    content = {
        "position": position,
        "stream": stream,
        "version": version,
        "id": f"{stream}:{version}",
        "at": at if at.tzinfo is UTC else at.astimezone(UTC),
        "actor_kind": actor_kind,
        "actor": actor,
        "cause": cause,
        "key": key,
        "event": decode_text(wire_name, schema_version, data) if event is None else event,
    }
    recorded = object.__new__(Recorded)
    _set(recorded, "__dict__", content)
    _set(recorded, "__pydantic_fields_set__", _FIELDS)
    _set(recorded, "__pydantic_extra__", None)
    _set(recorded, "__pydantic_private__", None)
    return recorded


_in_row = itemgetter(*_READ.split(", "))
_set = object.__setattr__
_FIELDS = set(Recorded.model_fields)
"""Shared by all of them, as nobody changes it: they are frozen."""


def _row(stream: str, version: int, part: int, event: Logged, origin: Origin) -> dict[str, Any]:
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


def _written(event: Logged) -> str:
    """An event that cannot be read back would stop every follower for ever: refuse it here."""
    try:
        data = orjson.dumps(encode(event), option=orjson.OPT_SORT_KEYS).decode()
        same = decode_text(event.wire_name, event.schema_version, data) == event
    except (ValidationError, orjson.JSONEncodeError) as error:
        raise LogError(f"{event.wire_name} cannot be written as JSON: {error}") from error
    if not same:
        raise LogError(f"{event.wire_name} would not read back as it was written; is a number in it NaN?")
    return data
