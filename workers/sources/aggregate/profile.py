"""What a table holds, asked in one question: its rows, when they are from, and what its columns hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ibis
import pandas as pd

from workers.sources.aggregate.sets import values_of
from workers.sources.engines.column_kinds import kind_of, separators
from workers.sources.engines.source import TIME, Source, moment


@dataclass(frozen=True)
class Column:
    """
    One column: the kind of its values, how many distinct ones there are (several in one text each count), and
    the share of rows (0–1) in which it is not set. `low` and `high` are the ends of whole numbers.
    """

    kind: str
    values: int
    unset: float
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class Profile:
    """
    All rows of a table, those without a time and those after the given moment; the first and last of the
    others, which are None in a table without time; and the columns that were asked for.
    """

    rows: int
    without_time: int = 0
    in_future: int = 0
    first: datetime | None = None
    last: datetime | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)


def profile(source: Source, at: datetime, columns: Iterable[str] = ()) -> Profile:
    """
    The profile of a table as of `at`, with those of `columns` that it has.

    Raises:
        SourceError: the time column holds no times, or the table does not answer.
    """
    names = [name for name in columns if name in source.columns]
    timed = source.table.time in source.columns
    rows = source.timed() if timed else source.rows
    asked = {"rows": rows.count(), **(_times(rows, at) if timed else {})}
    for place, name in enumerate(names):
        asked |= _of_column(rows[name], place)
    row = source.fetch(rows.aggregate(**asked)).iloc[0]
    several = separators(source)
    held = {name: _column(source, row, place, name, name in several) for place, name in enumerate(names)}
    if not timed:
        return Profile(int(row["rows"]), columns=held)
    missing, future = (_whole(row[name]) or 0 for name in ("missing", "future"))
    return Profile(int(row["rows"]), missing, future, moment(row["first"]), moment(row["last"]), held)


def _times(rows: Any, at: datetime) -> dict[str, Any]:
    time, now = rows[TIME], ibis.literal(at)
    early = (time <= now) & time.notnull()
    return {
        "missing": time.isnull().sum(),
        "future": (time > now).sum(),
        "first": time.min(where=early),
        "last": time.max(where=early),
    }


def _of_column(column: Any, place: int) -> dict[str, Any]:
    asked = {f"set{place}": column.count(), f"values{place}": column.nunique()}
    whole = kind_of(column) == "integer"
    return asked | ({f"low{place}": column.min(), f"high{place}": column.max()} if whole else {})


def _column(source: Source, row: pd.Series[Any], place: int, name: str, several: bool) -> Column:
    return Column(
        kind=kind_of(source.rows[name]),
        values=values_of(source, name) if several else int(row[f"values{place}"]),
        unset=1.0 - int(row[f"set{place}"]) / max(int(row["rows"]), 1),
        low=_whole(row.get(f"low{place}")),
        high=_whole(row.get(f"high{place}")),
    )


def _whole(value: Any) -> int | None:
    return None if value is None or pd.isna(value) else int(value)
