"""A table's files: the SQL that reads them, and the engines, kept open from one question to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from domain.errors import SourceError
from domain.recommender.table import Csv, Table
from workers.sources.engines.engine import close, explained, open_duckdb, quoted, run
from workers.sources.engines.found import find

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".csv.gz")
SQL_TYPES = {
    "string": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
}


def reader(table: Table) -> str:
    """SQL for all of the table's files that hold anything, as a table."""
    return _read(table, files_of(table))


def rows_of_files(table: Table, files: list[str]) -> str:
    """SQL for the rows of some of the table's files."""
    return f"SELECT * FROM {_read(table, files)}"  # noqa: S608 - the declaration is the team's own


def files_of(table: Table) -> list[str]:
    """
    The table's files that hold anything, in order of their names.

    Raises:
        SourceError: there are none; or what is there is not a readable file. See `found.find`.
    """
    return find(table.name, str(table.path))


def _read(table: Table, files: list[str]) -> str:
    listed = ", ".join(f"'{quoted(file)}'" for file in files)
    if table.csv is not None or str(table.path).endswith(TEXT_ENDINGS):
        return f"read_csv([{listed}], {text_options(table.csv or Csv())})"
    # File statistics ignore NaN, and unless told DuckDB assumes that there is none.
    return f"read_parquet([{listed}], union_by_name = true, can_have_nan = true)"


def text_options(csv: Csv, *, rejects: bool = False) -> str:
    """
    DuckDB's options for a text file; a row that does not fit is left out, and set aside with `rejects`.
    """
    options = [
        f"delim = '{quoted(csv.delimiter)}'",
        f"header = {str(csv.header).lower()}",
        "ignore_errors = true",
    ]
    if csv.encoding != "utf-8":
        options.append(f"encoding = '{csv.encoding}'")
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
    connection = open_duckdb(reads=(table.path,))
    reader(table)
    whole = f"read_csv('{quoted(table.path)}', {text_options(table.csv or Csv(), rejects=True)})"

    def count() -> int:
        raw = connection.con
        raw.execute(f"SELECT count(COLUMNS(*)) FROM {whole}").fetchall()  # noqa: S608
        found = raw.execute(
            "SELECT count(*) FROM (SELECT DISTINCT file_id, line FROM reject_errors)"
        ).fetchone()
        return int(found[0])

    try:
        return run(table.name, connection, count)
    except SourceError as error:
        raise explained(table.name, error) from error


Reads = tuple[str, tuple[str, ...]]
"""The folder of relative names, and the files or patterns that are read."""

_idle: ContextVar[dict[Reads, list[Any]] | None] = ContextVar("idle", default=None)


@contextmanager
def kept_open() -> Iterator[None]:
    """Keep engines open until the end of the block; if nested, until the end of the outer block."""
    if _idle.get() is not None:
        yield
        return
    idle: dict[Reads, list[Any]] = {}
    before = _idle.set(idle)
    try:
        yield
    finally:
        _idle.reset(before)
        for connections in idle.values():
            for connection in connections:
                close(connection)


def reads_of(folder: str, reads: Iterable[str]) -> Reads:
    """What an engine may read: the key by which it is handed to whoever needs exactly that."""
    return folder, tuple(sorted(set(reads)))


def take(reads: Reads) -> Any:
    """An engine that reads exactly these files: an idle one, or a new one."""
    idle = _idle.get()
    if idle and idle.get(reads):
        return idle[reads].pop()
    return open_duckdb(*reads)


def give_back(reads: Reads, connection: Any) -> None:
    """Release an engine that answered all questions put to it."""
    idle = _idle.get()
    if idle is None:
        close(connection)
    else:
        idle.setdefault(reads, []).append(connection)
