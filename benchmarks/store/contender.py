"""What each event store has to do, and the bare table that all are compared with."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Any, ClassVar

import psycopg
from psycopg import pq

from benchmarks.store.facts import PERSON, SPELLED

PAGE_EVENTS = 500
"""How many events are in memory at once."""


class Contender(ABC):
    """
    One connection to one store, in the process that uses it.

    Args:
        url: a database that `prepare` has made ready.
    """

    name: ClassVar[str]

    @abstractmethod
    def __init__(self, url: str) -> None: ...

    @classmethod
    @abstractmethod
    def prepare(cls, owner_url: str) -> str:
        """Make the tables in an empty database; returns the address to write under."""

    @abstractmethod
    def begin(self, stream: str) -> None:
        """Start a new stream, to which further events are appended."""

    @abstractmethod
    def append(self, first: int, count: int) -> None:
        """Append the next `count` events to the current stream, all or none; it has `first` (from 0)."""

    @abstractmethod
    def replay(self) -> int:
        """Every event in the order of the log, decoded; returns how many."""

    @abstractmethod
    def load(self, stream: str) -> int:
        """Every event of a stream, decoded; returns how many."""

    def settle(self) -> int:
        """Do what appends left undone, outside the measurement; returns for how many events."""
        return 0


def spelled(first: int, count: int) -> list[tuple[str, int, str]]:
    """Wire name, schema version and JSON of the events from `first` on."""
    return [SPELLED[n % len(SPELLED)] for n in range(first, first + count)]


class Bare(Contender):
    """A table with an identity and a unique (stream, version): nothing but INSERT and SELECT."""

    name = "bare"

    TABLE = """
    CREATE TABLE bare (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text NOT NULL, version integer NOT NULL,
        wire_name text NOT NULL, schema_version integer NOT NULL, data text NOT NULL,
        actor_kind text NOT NULL, actor text NOT NULL, cause text, at timestamptz NOT NULL,
        key text NOT NULL, part integer NOT NULL, UNIQUE (stream, version))"""
    COLUMNS = "stream, version, wire_name, schema_version, data, actor_kind, actor, cause, at, key, part"
    ONE = f"INSERT INTO bare ({COLUMNS}) VALUES ({', '.join(['%s'] * 11)})"
    MANY = f"""
    INSERT INTO bare ({COLUMNS})
    SELECT %s, version, wire_name, schema_version, data, %s, %s, %s, %s, %s, part
    FROM unnest(%s::int[], %s::text[], %s::int[], %s::text[], %s::int[])
        AS event (version, wire_name, schema_version, data, part)"""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._stream = ""

    @classmethod
    def prepare(cls, owner_url: str) -> str:
        with psycopg.connect(owner_url) as connection:
            connection.execute(Bare.TABLE)
        return owner_url

    def begin(self, stream: str) -> None:
        self._stream = stream

    def append(self, first: int, count: int) -> None:
        by = (PERSON.kind, PERSON.id, None, datetime.now(UTC), f"{self._stream}:{first}")
        events = spelled(first, count)
        if count == 1:
            wire_name, schema_version, data = events[0]
            row = (self._stream, first + 1, wire_name, schema_version, data, *by, 0)
            self._connection.execute(self.ONE, row)
        else:
            names, versions, texts = (list(column) for column in zip(*events, strict=True))
            numbers, parts = list(range(first + 1, first + count + 1)), list(range(count))
            self._connection.execute(self.MANY, (self._stream, *by, numbers, names, versions, texts, parts))

    def replay(self) -> int:
        return _decoded(self._connection.execute(f"SELECT id, {self.COLUMNS} FROM bare ORDER BY id"))

    def load(self, stream: str) -> int:
        query = f"SELECT id, {self.COLUMNS} FROM bare WHERE stream = %s ORDER BY version"
        return _decoded(self._connection.execute(query, (stream,)))


class BareThroughLibpq(Bare):
    """The bare table queried as ours is, past psycopg's `execute`: what that alone saves."""

    name = "bare through libpq"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._libpq = self._connection.pgconn
        self._prepared = False

    def append(self, first: int, count: int) -> None:
        if count != 1:
            super().append(first, count)
            return
        if not self._prepared:
            numbered = self.ONE.replace("%s", "${}").format(*range(1, 12))
            self._libpq.prepare(b"one", numbered.encode())
            self._prepared = True
        wire_name, schema_version, data = spelled(first, 1)[0]
        key, at = f"{self._stream}:{first}", datetime.now(UTC)
        by = (PERSON.kind, PERSON.id, None, at, key)
        row = (self._stream, first + 1, wire_name, schema_version, data, *by, 0)
        values = [None if value is None else str(value).encode() for value in row]
        # The protocol's annotation knows no NULL; the method does.
        result = self._libpq.exec_prepared(b"one", values)  # type: ignore[arg-type]
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)


def _decoded(rows: psycopg.Cursor[Any]) -> int:
    read = 0
    while page := rows.fetchmany(PAGE_EVENTS):
        read += len([(row, json.loads(row[5])) for row in page])
    return read
