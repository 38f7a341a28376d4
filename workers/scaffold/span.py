"""When a table's rows occur, which windows they fill, and which of its values come and go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np

from domain.recommender.keys.duration import name_duration
from workers.scaffold.profile import Column, named

WINDOWS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(days=1),
)
LEAST_ROWS = 100.0  # at this count, 30 % are three standard deviations of Poisson
ROWS_OF_A_SLICE = 20.0  # a slice needs this many to be worth a person's attention
MOST_SLICES = 50.0
QUIET = 0.1  # of the windows may hold fewer rows
AN_HOUR, WHOLE_WEEK = timedelta(hours=1), timedelta(days=7)
"""Windows shorter than the one are judged after seeing the other, or else each evening is an alarm."""
MOST_MINUTES = 400 * 1_440
PARTS = 8  # of the time, to see which values come and go
GOES = 0.35  # how much a column's distribution may differ between an eighth of the time and the rest


@dataclass(frozen=True)
class Span:
    """The first and last row with a time that is not in the future, and (n_minutes,) rows per minute."""

    first: datetime
    last: datetime
    rows: int
    minutes: np.ndarray[Any, np.dtype[np.float64]]

    def quiet(self, window: timedelta) -> float:
        """The number of rows that all but a tenth of the whole windows reach."""
        length = max(int(window.total_seconds()) // 60, 1)
        offset = int(self.first.timestamp()) // 60 % length
        padded = np.concatenate((np.zeros(offset), self.minutes))
        whole = padded[: len(padded) // length * length].reshape(-1, length).sum(axis=1)
        whole = whole[1:] if offset and len(whole) > 1 else whole
        return float(np.quantile(whole, QUIET)) if len(whole) else float(self.minutes.sum())


def moment_sql(column: Column) -> str:
    """The column as a time in DuckDB's SQL."""
    name = named(column.name)
    match column.epoch:
        case "seconds":
            return f"to_timestamp({name})::TIMESTAMP"
        case "milliseconds":
            return f"to_timestamp({name} / 1000)::TIMESTAMP"
        case _:
            # Without a zone it means UTC, whatever this machine's clock says.
            return (
                f"TRY_CAST({name} AS TIMESTAMPTZ)::TIMESTAMP" if column.timed_text else f"{name}::TIMESTAMP"
            )


def span_of(connection: duckdb.DuckDBPyConnection, reader: str, column: Column, at: datetime) -> Span | None:
    """How the rows of `reader` are spread over time until `at`; None if none has a time."""
    time = moment_sql(column)
    minute = f"CAST(floor(epoch({time}) / 60) AS BIGINT)"
    counts = connection.execute(
        f"SELECT {minute} AS minute, count(*) AS rows FROM {reader} "  # noqa: S608
        f"WHERE epoch({time}) <= {at.timestamp()} GROUP BY 1 ORDER BY 1"
    ).fetchnumpy()
    minutes = np.ma.filled(counts["minute"], 0).astype(np.int64)
    if not len(minutes):
        return None
    rows = np.asarray(counts["rows"], dtype=float)
    recent = minutes >= minutes[-1] - MOST_MINUTES
    filled = np.zeros(int(minutes[-1] - minutes[recent][0]) + 1)
    filled[minutes[recent] - minutes[recent][0]] = rows[recent]
    first, last = (datetime.fromtimestamp(int(one) * 60, UTC) for one in (minutes[recent][0], minutes[-1]))
    return Span(first, last, int(rows.sum()), filled)


def window_of(span: Span, effective: float) -> tuple[timedelta, str]:
    """
    The shortest window whose counts are informative, and why.

    Args:
        effective: the number of equally frequent values that the table's most diverse dimension amounts to.
    """
    need = max(LEAST_ROWS, ROWS_OF_A_SLICE * min(effective, MOST_SLICES))
    days = span.last - span.first
    for window in WINDOWS if days >= WHOLE_WEEK else [one for one in WINDOWS if one >= AN_HOUR]:
        if (quiet := span.quiet(window)) >= need:
            return window, f"9 of 10 hold at least {quiet:,.0f} rows"
    quiet = span.quiet(WINDOWS[-1])
    return WINDOWS[-1], f"9 of 10 days hold at least {quiet:,.0f} rows, few to judge by"


def drifting(
    connection: duckdb.DuckDBPyConnection, sample: str, time: Column, columns: list[Column]
) -> list[str]:
    """
    Columns whose values come and go: in one part of the time their distribution differs much from the rest
    (total variation), by more than chance would explain with so few rows.
    """
    part = f"ntile({PARTS}) OVER (ORDER BY {moment_sql(time)})"
    found = []
    for column in columns:
        asked = (
            f"SELECT part, text, count(*) AS rows FROM (SELECT {part} AS part, "  # noqa: S608
            f"coalesce({named(column.name)}::VARCHAR, '') AS text FROM {sample}) GROUP BY 1, 2"
        )
        frame = connection.execute(asked).df()
        table = frame.pivot_table(index="part", columns="text", values="rows", fill_value=0).to_numpy(float)
        if _goes(table):
            found.append(column.name)
    return found


def _goes(table: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    """Of (parts, values) counts."""
    rest = table.sum(axis=0) - table
    here, there = (one / np.maximum(one.sum(axis=1, keepdims=True), 1.0) for one in (table, rest))
    off = 0.5 * np.abs(here - there).sum(axis=1)
    chance = 0.5 * np.sqrt(2 / np.pi * there / np.maximum(table.sum(axis=1, keepdims=True), 1.0)).sum(axis=1)
    return bool((off > GOES + chance).any())


def length(span: Span) -> str:
    """
    How long a table goes back, in words, with its first and last day.
    """
    days = max(span.last - span.first, timedelta(0))
    rounded = timedelta(days=days.days) if days.days else timedelta(minutes=days.seconds // 60)
    return f"{span.first:%Y-%m-%d} to {span.last:%Y-%m-%d} ({name_duration(rounded)})"
