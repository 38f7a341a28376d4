"""The same aggregations in DuckDB's SQL, as somebody would write them without this program."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.checks.lake import DAYS, END, VALUES

HOUR, BIN = 3_600_000_000, 600_000_000
"""Microseconds."""

SPAN = (
    f"shown_at < TIMESTAMPTZ '{END.isoformat()}' "
    f"AND shown_at >= TIMESTAMPTZ '{END.isoformat()}' - INTERVAL {DAYS * 24} HOUR"
)


def slice_counts(folder: Path) -> pd.DataFrame:
    """Rows per hour for each slice of one and of two dimensions, and in total."""
    names = tuple(VALUES)
    sets = [named for size in range(3) for named in combinations(names, size)]
    grouping = ", ".join(f"({', '.join(('hour', *named))})" for named in sets)
    return _ask(
        f"SELECT hour, {', '.join(names)}, count(*) AS rows FROM "
        f"(SELECT epoch_us(shown_at) // {HOUR} AS hour, * FROM '{folder}/*.parquet' WHERE {SPAN}) "
        f"GROUP BY GROUPING SETS ({grouping})"
    )


def all_counts(folder: Path) -> int:
    """What the three checks look at: slices, hourly totals, and the ten-minute bins that hold rows."""
    seen = f"FROM '{folder}/*.parquet' WHERE {SPAN}"
    asked = (
        f"SELECT epoch_us(shown_at) // {HOUR} AS hour, count(*) AS rows {seen} GROUP BY hour ORDER BY hour",
        f"SELECT DISTINCT epoch_us(shown_at) // {BIN} AS bin {seen} ORDER BY bin",
    )
    return len(slice_counts(folder)) + sum(len(_ask(one)) for one in asked)


def _ask(sql: str) -> pd.DataFrame:
    with duckdb.connect() as engine:
        return engine.execute(sql).df()
