"""Opens a declared table: its rows as an Ibis expression with an aware time, however it was stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self, TypeVar

import ibis
import numpy as np
import pandas as pd
import sqlglot
from ibis import _
from ibis.backends.sql.datatypes import DuckDBType, PostgresType

from domain.errors import SourceError
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.recommender.table import OWN_PREFIX, Table
from workers.declaration import select
from workers.declaration.select import ROWS, local_files
from workers.sources.engines.engine import STATEMENT_SECONDS, close, confine, open_url, run
from workers.sources.engines.files import Reads, give_back, reader, reads_of, take
from workers.sources.engines.found import find

T = TypeVar("T")
COARSER = {"TIMESTAMP_NS": "TIMESTAMP", "TIMESTAMPTZ_NS": "TIMESTAMPTZ"}
"""Nanoseconds, as pandas writes them: Ibis 12 does not know the former, DuckDB cannot compare the latter."""
SCALE = {"seconds": 1.0, "milliseconds": 1_000.0}
MILLISECONDS_ABOVE = 100_000_000_000
TIME = "__time"
Stored = Literal["timestamp", "date", "seconds", "milliseconds", "text"]

_unread: ContextVar[bool] = ContextVar("unread", default=False)


@contextmanager
def unread() -> Iterator[None]:
    """
    Within the block, every table opens with its columns and no row: an engine says of a question whether it
    can be asked, and reads nothing to answer it.
    """
    before = _unread.set(True)
    try:
        yield
    finally:
        _unread.reset(before)


@dataclass(frozen=True)
class Source:
    """One opened table. `rows` is lazy: nothing is read until a question is asked."""

    table: Table
    connection: Any
    rows: Any
    seconds: float = STATEMENT_SECONDS
    borrowed: bool = False  # the connection is another table's, which closes it
    reads: Reads | None = None  # what a file engine may read

    def __enter__(self) -> Self:
        """The source, closed at the end of the block."""
        return self

    def __exit__(self, raised: object, *_more: object) -> None:
        """Release the connection, so that looking every ten seconds does not pile them up."""
        if self.borrowed:
            return
        if self.reads is not None and raised is None:
            give_back(self.reads, self.connection)
        else:
            close(self.connection)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the table really has."""
        return tuple(self.rows.columns)

    def fetch(self, expression: Any) -> pd.DataFrame:
        """The answer to an Ibis expression, as a small frame. Raises SourceError; see `engine.run`."""
        return self.ask(lambda: answer(self.connection, expression))

    def ask(self, question: Callable[[], T]) -> T:
        """Run `question`, which uses this table's connection, within the time allowed."""
        return run(self.table.name, self.connection, question, self.seconds)

    def require(self, *names: str) -> None:
        """Raises SourceError with the closest existing name if a column is missing."""
        for name in names:
            if name.startswith(OWN_PREFIX):
                raise SourceError(
                    f'table "{self.table.name}": the column "{name}" is not seen, as names that begin with '
                    f"{OWN_PREFIX} are the checks' own; give it another name in a select"
                )
            if name not in self.columns:
                raise SourceError(
                    f'table "{self.table.name}": has no column "{name}"; {nearest(name, self.columns)}'
                )

    def between(self, start: datetime, end: datetime) -> Any:
        """
        Rows with start ≤ time < end, their time in `__time`; the condition is on the column as it is stored.
        """
        column = self._time_column()
        stored = self.stored_time()
        low, high = _bounds(stored, start, end)
        if stored == "text":
            timed = self.timed()
            return timed.filter(_[TIME] >= low, _[TIME] < high)
        return self.rows.filter(column >= low, column < high).mutate(
            **{TIME: _as_time(self.connection, column, stored)}
        )

    def timed(self) -> Any:
        """All rows with their time in `__time`, null if they have none."""
        time = _as_time(self.connection, self._time_column(), self.stored_time())
        return self.rows.mutate(**{TIME: time})

    def stored_time(self) -> Stored:
        """How the time column is stored."""
        kind = self._time_column().type()
        if kind.is_timestamp():
            return "timestamp"
        if kind.is_date():
            return "date"
        if kind.is_numeric():
            top = self.fetch(self.rows.aggregate(top=self._time_column().max()))["top"].to_numpy(dtype=float)
            return "milliseconds" if np.nanmax(top, initial=0.0) > MILLISECONDS_ABOVE else "seconds"
        if kind.is_string():
            return "text"
        raise SourceError(
            f'table "{self.table.name}": time column "{self.table.time}" holds {kind}, not a time'
        )

    def _time_column(self) -> Any:
        if self.table.time is None:
            raise SourceError(f'table "{self.table.name}": declares no time column; add time = "…"')
        self.require(self.table.time)
        return self.rows[self.table.time]


def rows_of(connection: Any, sql: str) -> Any:
    """The rows of an SQL query as an Ibis expression; nothing is read yet. For DuckDB see `answer`."""
    if connection.name == "postgres":
        return connection.sql(sql, schema=_postgres_schema(connection, sql))
    if connection.name != "duckdb":
        return connection.sql(sql)
    described = connection.con.execute(f"DESCRIBE {sql}").fetchall()
    fine = {
        identifier(name, connection): COARSER[kind] for name, kind, *_rest in described if kind in COARSER
    }
    if fine:
        coarse = ", ".join(f"{name}::{kind} AS {name}" for name, kind in fine.items())
        return rows_of(connection, f"SELECT * REPLACE ({coarse}) FROM ({sql.rstrip().rstrip(';')})")  # noqa: S608
    schema = ibis.schema({name: DuckDBType.from_string(kind) for name, kind, *_rest in described})
    return connection.sql(sql, schema=schema)


def _postgres_schema(connection: Any, sql: str) -> Any:
    """The columns of a query; Ibis itself would create a view, which a read-only connection may not."""
    return ibis.schema(
        {name: PostgresType.from_string(kind) for name, kind, _collates in _postgres_columns(connection, sql)}
    )


def _collated(connection: Any, sql: str) -> set[str]:
    return {name for name, _kind, collates in _postgres_columns(connection, sql) if collates}


def _postgres_columns(connection: Any, sql: str) -> list[tuple[str, str, bool]]:
    """(name, type, whether it compares by a language's rules) for each column of a query."""
    with connection.con.cursor() as cursor, connection.con.transaction():
        cursor.execute(f"SELECT * FROM ({sql.rstrip().rstrip(';')}) AS asked LIMIT 0")  # noqa: S608
        columns = {column.name: column.type_code for column in cursor.description}
        cursor.execute(
            "SELECT oid, format_type(oid, NULL), typcollation <> 0 FROM pg_type WHERE oid = ANY(%s)",
            [[*columns.values()]],
        )
        known = {oid: (kind, collates) for oid, kind, collates in cursor.fetchall()}
    return [(name, *known[oid]) for name, oid in columns.items()]


def _declared_rows(connection: Any, sql: str) -> Any:
    """
    The rows of a declared table. PostgreSQL is made to compare texts by their bytes, as other engines do: by
    a language's rules another text would come first, or be the greatest.
    """
    rows = rows_of(connection, sql)
    if connection.name != "postgres" or not (texts := _collated(connection, sql)):
        return rows
    columns = ", ".join(
        f'{quoted} COLLATE "C" AS {quoted}' if name in texts else quoted
        for name, quoted in ((name, identifier(name, connection)) for name in rows.columns)
    )
    return rows_of(connection, f"SELECT {columns} FROM ({sql.rstrip().rstrip(';')}) AS declared")  # noqa: S608


def united(parts: Sequence[Any]) -> Any:
    """
    The rows of several expressions, at least one.

    By halves: Ibis nests one union in the next, and a hundred in a row are too deep to be written as SQL.
    """
    middle = len(parts) // 2
    return united(parts[:middle]).union(united(parts[middle:])) if middle else parts[0]


def answer(connection: Any, expression: Any) -> pd.DataFrame:
    """
    The expression's rows as a frame.

    DuckDB is queried with the SQL that Ibis writes: Ibis 12 calls a method that DuckDB 2 no longer has.
    """
    if connection.name == "duckdb":
        return pd.DataFrame(connection.con.execute(str(connection.compile(expression))).df())
    return pd.DataFrame(connection.to_pandas(expression))


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def pg_input_is_valid(text: str, kind: str) -> bool:  # type: ignore[empty-body]
    """A built-in of PostgreSQL, which has no TRY_CAST."""


@ibis.udf.scalar.builtin(signature=((float,), "timestamp('UTC')"))
def to_timestamp(seconds):  # type: ignore[no-untyped-def]
    """A built-in of PostgreSQL, for which Ibis has no `as_timestamp`."""


@ibis.udf.scalar.builtin(signature=((int,), "timestamp('UTC')"))
def timestamp_millis(milliseconds):  # type: ignore[no-untyped-def]
    """A built-in of Spark, for which Ibis' `as_timestamp` knows whole seconds only."""


def _since_1970(connection: Any, milliseconds: Any) -> Any:
    match connection.name:
        case "postgres":
            return to_timestamp(milliseconds.cast("float64") / SCALE["milliseconds"])
        case "pyspark":
            return timestamp_millis(milliseconds)
    return milliseconds.as_timestamp("ms")


def _as_time(connection: Any, column: Any, stored: Stored) -> Any:
    if stored == "milliseconds":
        return _since_1970(connection, column.cast("int64"))
    if stored == "seconds":
        return _since_1970(connection, column.cast("int64") * int(SCALE["milliseconds"]))
    if stored == "text" and connection.name == "postgres":
        kind = "timestamp('UTC')"
        return ibis.ifelse(pg_input_is_valid(column, "timestamptz"), column.cast(kind), ibis.null(kind))
    if stored == "text":
        return column.try_cast("timestamp('UTC')")
    return column.cast("timestamp") if stored == "date" else column


def _bounds(stored: Stored, start: datetime, end: datetime) -> tuple[Any, Any]:
    if scale := SCALE.get(stored):
        return start.timestamp() * scale, end.timestamp() * scale
    return ibis.literal(start), ibis.literal(end)


def open_source(recommender: Recommender, name: str, *, seconds: float | None = None) -> Source:
    """
    The declared table `name`, opened now; files that appeared since the last opening are in it.

    Args:
        seconds: what a question may take, instead of the table's own `timeout`.

    Raises:
        SourceError: it is missing, empty, locked, unreadable, or of another shape.
    """
    table = _declared(recommender, name)
    seconds = table.timeout.total_seconds() if seconds is None else seconds
    connection, reads = _connected(recommender, table, seconds)
    rows = _opened(table, connection, seconds, recommender.folder)
    return Source(table, connection, rows, seconds, reads=reads)


def open_beside(recommender: Recommender, name: str, source: Source) -> Source:
    """
    The same, on the connection of `source` if both are in one place: then one query can see both, and no new
    connection is opened.
    """
    table = _declared(recommender, name)
    if table.url != source.table.url:
        return open_source(recommender, name)
    connection, seconds = source.connection, table.timeout.total_seconds()
    rows = _opened(table, connection, seconds, recommender.folder)
    return Source(table, connection, rows, seconds, borrowed=True)


def _declared(recommender: Recommender, name: str) -> Table:
    if name not in recommender.tables:
        raise SourceError(f'table "{name}" is not declared; {nearest(name, recommender.tables)}')
    return recommender.tables[name]


def _connected(recommender: Recommender, table: Table, seconds: float) -> tuple[Any, Reads | None]:
    """
    A connection that reads what the tables in the same place declare, and no other file; for a file engine
    also what that is.
    """
    beside = [other for other in recommender.tables.values() if other.url == table.url]
    reads = [file for other in beside for file in local_files(other, recommender.folder)]
    if table.url is None:
        reads += [other.path for other in beside if other.path]
        held = reads_of(recommender.folder, reads)
        return take(held), held
    connection = open_url(table.name, table.url, seconds)
    if connection.name == "duckdb":
        confine(connection, reads)
    return connection, None


def _opened(table: Table, connection: Any, seconds: float, folder: str) -> Any:
    """The table's rows on this connection."""
    sql = _selected(table, folder) if table.select else ""
    if table.url:
        sql = sql or f"SELECT * FROM {_whole_name(str(table.table), connection)}"  # noqa: S608
    elif table.path:
        # Wrapped around it, so that a select may begin with WITH.
        rows = f"SELECT * FROM {reader(table)}"  # noqa: S608 - the files that were found
        sql = f"WITH {ROWS} AS ({rows}) SELECT * FROM ({sql}) AS selected" if sql else rows  # noqa: S608
    words = select.words(table)
    seen = run(table.name, connection, lambda: _declared_rows(connection, sql), seconds, words)
    seen = seen.filter(ibis.literal(False)) if _unread.get() else seen
    return seen.drop(*(name for name in seen.columns if name.startswith(OWN_PREFIX)))


def _selected(table: Table, folder: str) -> str:
    """The table's `select`, after checking that it reads what is declared, and that its files are files."""
    asked = select.read(table, folder)
    if asked.wrong:
        raise SourceError(f'table "{table.name}": select {asked.wrong}')
    for file in local_files(table, folder):
        find(table.name, file)
    return asked.sql


def identifier(name: str, connection: Any) -> str:
    """A column's name as the engine quotes it."""
    return str(sqlglot.to_identifier(name, quoted=True).sql(dialect=connection.dialect))


def _whole_name(name: str, connection: Any) -> str:
    return ".".join(identifier(part, connection) for part in name.split("."))


def moment(value: Any) -> datetime | None:
    """A time in an engine's answer; UTC if it names no zone. None if it is not a time."""
    return None if value is None or pd.isna(value) else known_moment(value)


def known_moment(value: Any) -> datetime:
    """The same for a value that must be a time, to the microsecond."""
    stamp = pd.Timestamp(value).floor("us")
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return stamp.to_pydatetime()
