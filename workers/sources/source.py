"""A declared table, opened: its rows as an Ibis expression with an aware time, whatever it was stored as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from glob import glob
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.backends.sql.datatypes import DuckDBType, PostgresType

from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from domain.recommender.table import Csv, Table
from workers.sources.engine import STATEMENT_SECONDS, explained, open_duckdb, open_url, quoted, run
from workers.sources.lines import nearest

T = TypeVar("T")
TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".csv.gz")
SQL_TYPES = {
    "string": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
}
COARSER = {"TIMESTAMP_NS": "TIMESTAMP", "TIMESTAMPTZ_NS": "TIMESTAMPTZ"}
"""Nanoseconds, as pandas writes them: Ibis 12 does not know the one, DuckDB cannot compare the other."""
MILLISECONDS_ABOVE = 100_000_000_000
TIME = "__time"
Stored = Literal["timestamp", "date", "seconds", "milliseconds", "text"]


@dataclass(frozen=True)
class Source:
    """One opened table. `rows` is lazy: nothing is read until a question is asked."""

    table: Table
    connection: Any
    rows: Any
    seconds: float = STATEMENT_SECONDS

    def __enter__(self) -> Self:
        """The source, closed at the end of the block."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Let go of the connection, so that looking every ten seconds does not pile them up."""
        self.connection.disconnect()

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
        """Raises SourceError with the nearest right name where a column is missing."""
        for name in names:
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
            timed = self.rows.mutate(**{TIME: _as_time(column, stored)})
            return timed.filter(_[TIME] >= low, _[TIME] < high)
        return self.rows.filter(column >= low, column < high).mutate(**{TIME: _as_time(column, stored)})

    def timed(self) -> Any:
        """All rows with their time in `__time`, null where there is none."""
        return self.rows.mutate(**{TIME: _as_time(self._time_column(), self.stored_time())})

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
    fine = {_quoted(name): COARSER[kind] for name, kind, *_rest in described if kind in COARSER}
    if fine:
        coarse = ", ".join(f"{name}::{kind} AS {name}" for name, kind in fine.items())
        return rows_of(connection, f"SELECT * REPLACE ({coarse}) FROM ({sql.rstrip().rstrip(';')})")  # noqa: S608
    schema = ibis.schema({name: DuckDBType.from_string(kind) for name, kind, *_rest in described})
    return connection.sql(sql, schema=schema)


def _postgres_schema(connection: Any, sql: str) -> Any:
    """The columns of a query; Ibis itself would create a view, which a read-only connection may not."""
    with connection.con.cursor() as cursor, connection.con.transaction():
        cursor.execute(f"SELECT * FROM ({sql.rstrip().rstrip(';')}) AS asked LIMIT 0")  # noqa: S608
        kinds = {column.name: column.type_code for column in cursor.description}
        cursor.execute(
            "SELECT oid, format_type(oid, NULL) FROM pg_type WHERE oid = ANY(%s)", [[*kinds.values()]]
        )
        names = dict(cursor.fetchall())
    return ibis.schema({name: PostgresType.from_string(names[kind]) for name, kind in kinds.items()})


def answer(connection: Any, expression: Any) -> pd.DataFrame:
    """
    The expression's rows as a frame.

    DuckDB is asked in the SQL that Ibis writes: Ibis 12 calls a method that DuckDB 2 no longer has.
    """
    if connection.name == "duckdb":
        return pd.DataFrame(connection.con.execute(str(connection.compile(expression))).df())
    return pd.DataFrame(connection.to_pandas(expression))


def _as_time(column: Any, stored: Stored) -> Any:
    if stored == "seconds":
        return column.cast("int64").as_timestamp("s")
    if stored == "milliseconds":
        return column.cast("int64").as_timestamp("ms")
    if stored == "text":
        return column.try_cast("timestamp('UTC')")
    return column.cast("timestamp") if stored == "date" else column


def _bounds(stored: Stored, start: datetime, end: datetime) -> tuple[Any, Any]:
    if stored in {"seconds", "milliseconds"}:
        scale = 1_000 if stored == "milliseconds" else 1
        return start.timestamp() * scale, end.timestamp() * scale
    return ibis.literal(start), ibis.literal(end)


def open_source(recommender: Recommender, name: str, *, seconds: float = STATEMENT_SECONDS) -> Source:
    """
    The declared table `name`, opened now; files that appeared since the last opening are in it.

    Raises:
        SourceError: it is missing, empty, locked, unreadable, or of another shape.
    """
    if name not in recommender.tables:
        raise SourceError(f'table "{name}" is not declared; {nearest(name, recommender.tables)}')
    table = recommender.tables[name]
    if table.url:
        connection = open_url(name, table.url, seconds)
        sql = table.select or f"SELECT * FROM {_identifier(str(table.table))}"  # noqa: S608
    else:
        connection = open_duckdb(recommender.folder)
        sql = table.select or f"SELECT * FROM {_reader(table)}"  # noqa: S608 - the declaration is the team's own
        if table.select and table.path:
            sql = f"WITH rows AS (SELECT * FROM {_reader(table)}) {table.select}"  # noqa: S608
    return Source(
        table, connection, run(name, connection, lambda: rows_of(connection, sql), seconds), seconds
    )


def _identifier(name: str) -> str:
    return ".".join(map(_quoted, name.split(".")))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _reader(table: Table) -> str:
    return _read(table, files_of(table))


def rows_of_files(table: Table, files: list[str]) -> str:
    """SQL for the rows of some of the table's files."""
    return f"SELECT * FROM {_read(table, files)}"  # noqa: S608 - the declaration is the team's own


def files_of(table: Table) -> list[str]:
    """
    The table's files that hold anything, in order of their names.

    Raises:
        SourceError: there is none.
    """
    path = str(table.path)
    files = [file for file in glob(path, recursive=True) if Path(file).is_file()]  # noqa: PTH207 - absolute pattern
    if not files:
        raise SourceError(
            f'table "{table.name}": there is no file at {path}; check path, or write some rows first'
        )
    whole = [file for file in files if Path(file).stat().st_size]
    if not whole:
        raise SourceError(f'table "{table.name}": every file at {path} is empty (0 bytes)')
    return sorted(whole)


def _read(table: Table, files: list[str]) -> str:
    listed = ", ".join(f"'{quoted(file)}'" for file in files)
    if table.csv is not None or str(table.path).endswith(TEXT_ENDINGS):
        return f"read_csv([{listed}], {text_options(table.csv or Csv())})"
    # A file's statistics leave out what is not a number, and without a word DuckDB believes that none is.
    return f"read_parquet([{listed}], union_by_name = true, can_have_nan = true)"


def text_options(csv: Csv, *, rejects: bool = False) -> str:
    """
    DuckDB's options for a text file; a row that does not fit is left out, and kept aside with `rejects`.
    """
    options = [
        f"delim = '{quoted(csv.delimiter)}'",
        f"header = {str(csv.header).lower()}",
        "ignore_errors = true",
    ]
    if len(csv.delimiter) > 1:
        options.append("quote = ''")
    if csv.columns:
        columns = ", ".join(f"'{quoted(name)}': '{SQL_TYPES[kind]}'" for name, kind in csv.columns.items())
        options.append(f"columns = {{{columns}}}")
        options.append("auto_detect = false")
    if rejects:
        options.append("store_rejects = true")
    return ", ".join(options)


def malformed_rows(table: Table) -> int:
    """
    How many lines of a text table do not fit its declared shape; 0 for other tables. Reads the whole file.
    """
    if not table.path or not (table.csv or table.path.endswith(TEXT_ENDINGS)):
        return 0
    connection = open_duckdb()
    _reader(table)
    reader = f"read_csv('{quoted(table.path)}', {text_options(table.csv or Csv(), rejects=True)})"

    def count() -> int:
        raw = connection.con
        raw.execute(f"SELECT count(COLUMNS(*)) FROM {reader}").fetchall()  # noqa: S608
        found = raw.execute(
            "SELECT count(*) FROM (SELECT DISTINCT file_id, line FROM reject_errors)"
        ).fetchone()
        return int(found[0])

    try:
        return run(table.name, connection, count)
    except SourceError as error:
        raise explained(table.name, error) from error
