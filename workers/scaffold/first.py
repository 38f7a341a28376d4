"""What `recsysops init` writes: a first declaration, guessed from a folder of tables."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from domain.errors import SourceError, sanitized
from workers.environment import clock
from workers.scaffold.guess import Guess, roles, sliced
from workers.scaffold.layout import Layout, layouts
from workers.scaffold.lineage import with_upstream
from workers.scaffold.profile import Column, named, profile
from workers.scaffold.relate import Related, related, sample_of
from workers.scaffold.span import drifting, span_of, window_of
from workers.scaffold.write import written
from workers.sources.engines.engine import explained, keep_types

DAY_OF_FILE = 0.8  # of the rows have a time within a day of their file's name
SAME_DAY = 0.95  # of the rows have a time on the day that another column holds
MOST_PAIRS = 30  # columns that are compared with one another


def init(folder: str | Path, at: datetime | None = None) -> str:
    """
    The text of a first `recsysops.toml` for the tables in `folder`: each Parquet or text file, or folder of
    such files. Its paths are absolute, because the text may be saved anywhere.

    Args:
        at: the moment after which rows count as being in the future; now, if not given.

    Raises:
        SourceError: the folder holds no table, or none that can be read; or it is an address.
    """
    if re.match(r"\w[\w+.-]+:/", str(folder)):
        raise SourceError(
            "init reads a folder, not an address; declare the tables of a database one by one, each as "
            '[tables.NAME] with url = "${DATABASE_URL}" and table = "…", and hold them against it with '
            "`recsysops doctor`"
        )
    root = Path(folder).resolve()
    unread: dict[str, str] = {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        keep_types(connection)
        guesses = []
        for layout in layouts(root):
            try:
                guess = _guessed(connection, root, layout, at or clock.now())
            except duckdb.Error as error:
                unread[layout.pattern] = sanitized(explained(layout.name, error))
                continue
            guesses += [guess] if guess is not None else []
        found = related(connection, guesses)
        found = replace(found, tables=with_upstream(connection, root, found.tables))
    if not guesses:
        why = f" ({next(iter(unread.values()))})" if unread else ""
        raise SourceError(
            f"{folder}: there is no Parquet or CSV table in it{why}; give a folder that holds some"
        )
    settled = tuple(_with_window(one, found) for one in found.tables)
    return written(root, replace(found, tables=settled), unread)


def _guessed(connection: duckdb.DuckDBPyConnection, root: Path, layout: Layout, at: datetime) -> Guess | None:
    if layout.day is not None and not _holds_its_day(connection, root, layout):
        layout = layout.with_day_of_file(root)
    reader, sample = layout.reader(root), sample_of(layout.name)
    held = profile(connection, reader, sample)
    if held.rows == 0:
        return None
    guess = _finer(connection, roles(layout, held))
    time = held.columns.get(guess.time or "")
    if time is None:
        return sliced(guess, (), {})
    guess = replace(guess, span=span_of(connection, reader, time, at))
    can = [one for one in held.columns.values() if one.held in ("text", "boolean") and 1 < one.values <= 200]
    return sliced(guess, drifting(connection, sample, time, can), dict(_alike(connection, sample, can)))


def _finer(connection: duckdb.DuckDBPyConnection, guess: Guess) -> Guess:
    """The table with a timestamp as its time, if its time held only the days of that, as partitions do."""
    columns = guess.profile.columns
    if guess.time is None or columns[guess.time].held != "date":
        return guess
    for column in columns.values():
        if column.held != "time":
            continue
        same = f"{named(column.name)}::DATE = {named(guess.time)}"
        row = connection.execute(
            f"SELECT avg(({same})::INT) FROM {sample_of(guess.name)}"  # noqa: S608 - names are quoted
        ).fetchone()
        if row and (row[0] or 0.0) >= SAME_DAY:
            said = f"timestamps of the days in {guess.time}"
            return replace(guess, time=column.name).because(time=said)
    return guess


def _holds_its_day(connection: duckdb.DuckDBPyConnection, root: Path, layout: Layout) -> bool:
    """Whether a column holds the day given in the name of each row's file."""
    dated = layout.with_day_of_file(root)
    described = connection.execute(f"DESCRIBE {dated.select}").fetchall()
    times = [name for name, kind, *_rest in described[:-1] if str(kind).startswith(("TIMESTAMP", "DATE"))]
    day = named(described[-1][0])
    for name in times:
        apart = f"abs(date_diff('day', {named(name)}::DATE, {day}))"
        row = connection.execute(
            f"SELECT avg(({apart} <= 1)::INT) FROM {dated.reader(root)}"  # noqa: S608 - names are quoted
        ).fetchone()
        if row and (row[0] or 0.0) >= DAY_OF_FILE:
            return True
    return False


def _alike(
    connection: duckdb.DuckDBPyConnection, sample: str, columns: list[Column]
) -> Iterator[tuple[str, str]]:
    """(column, an earlier one) pairs where each has as many distinct values as both together."""
    seen: list[Column] = []
    for column in columns[:MOST_PAIRS]:
        for other in seen:
            if other.values != column.values:
                continue
            row = connection.execute(
                f"SELECT count(DISTINCT ({named(column.name)}, {named(other.name)})) FROM {sample}"  # noqa: S608
            ).fetchone()
            if row and row[0] == column.values and math.isclose(other.effective, column.effective):
                yield column.name, other.name
                break
        else:
            seen.append(column)


def _with_window(guess: Guess, found: Related) -> Guess:
    """A table with the window that it has enough rows for."""
    if guess.span is None:
        return guess
    items = found.items.profile.columns if found.items else {}
    columns = {**items, **guess.profile.columns}
    effective = max((columns[name].effective for name in guess.dimensions), default=1.0)
    window, why = window_of(guess.span, effective)
    if _daily(guess):
        window, why = timedelta(days=1), "it comes once a day"
    return replace(guess, window=window).because(window=why)


def _daily(guess: Guess) -> bool:
    time = guess.profile.columns[str(guess.time)]
    return time.held == "date"
