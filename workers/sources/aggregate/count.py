"""Counts rows by window and slice: one pass over the source, and only the counts come back."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
from ibis import _

from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.cardinality import MAX_VALUES, refuse_many_valued, too_many
from workers.sources.aggregate.sets import MAX_COUNTS, ROWS, WINDOW, Parts, counted, exploded, lengthened
from workers.sources.engines.column_kinds import as_text, finite, separators
from workers.sources.engines.engine import quoted
from workers.sources.engines.source import TIME, Source, identifier, open_beside, open_source, rows_of

GROUPING_SETS = ("duckdb", "postgres", "pyspark")  # engines for which grouping sets are written in SQL
DAY_SECONDS = 86_400
KNOWN = "__known_item"
"""The column that says whether an item with the row's key exists, if items are looked up."""


def count_windows(
    recommender: Recommender,
    name: str,
    grid: Grid,
    *,
    dimensions: tuple[str, ...] = (),
    ways: int = 2,
    measure: str | None = None,
) -> pd.DataFrame:
    """
    Rows of table `name` in each window of `grid`, in total and for each slice of up to `ways` dimensions.

    Args:
        measure: a numeric column to add up instead of counting; NaN and infinite values add nothing.

    Returns:
        Columns window (int: index into the grid), dim1, val1, dim2, val2 (categories; null where unused),
        rows. The total of a window has no dim1. Windows without rows are absent. Null values are the value
        "∅ (not set)".

    Raises:
        SourceError: a dimension has more than 2,000 values, or as `open_source`.
    """
    with open_source(recommender, name) as source:
        parts = _counted(recommender, source, grid, dimensions, ways, measure)
    _bounded(name, parts, dimensions)
    return lengthened(parts)


def sets_of(dimensions: tuple[str, ...], ways: int) -> list[tuple[str, ...]]:
    return [names for size in range(ways + 1) for names in combinations(dimensions, size)]


def _counted(
    recommender: Recommender,
    source: Source,
    grid: Grid,
    dimensions: tuple[str, ...],
    ways: int,
    measure: str | None,
) -> Parts:
    """The counts for every set of dimensions."""
    rows = source.between(grid.start, grid.end)
    if measure is not None:
        source.require(measure)
    newest = grid.edge(grid.count - 1)
    refuse_many_valued(source, set(dimensions) - set(separators(source)), newest, grid.end)
    rows, apart = with_dimensions(recommender, source, rows, dimensions)
    weight = {} if measure is None else {ROWS: finite(rows[measure]).fill_null(0.0)}
    keyed = rows.mutate(**{WINDOW: window_of(source, rows, grid), **weight}).select(
        WINDOW, *dimensions, *weight
    )
    asked = sets_of(dimensions, ways)
    one_pass = source.connection.name in GROUPING_SETS
    parts = counted(source, keyed, dimensions, asked, one_pass=one_pass)
    if sum(map(len, parts.values())) > MAX_COUNTS:
        raise SourceError(
            f'table "{source.table.name}": more than {MAX_COUNTS:,} counts for dimensions '
            f"{', '.join(dimensions)}; declare fewer dimensions, ways = 1, or a shorter history"
        )
    return exploded(parts, apart) if apart else parts


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def epoch_us(moment) -> int:  # type: ignore[no-untyped-def,empty-body]
    """DuckDB's own: microseconds since 1970."""


def seconds_of(source: Source, rows: Any) -> Any:
    """Whole seconds since 1970. DuckDB truncates a time with a zone by its calendar, ten times as slowly."""
    if source.connection.name == "duckdb":
        return (epoch_us(rows[TIME]) / 1_000_000).floor().cast("int64")
    return rows[TIME].truncate("s").epoch_seconds().cast("int64")


def window_of(source: Source, rows: Any, grid: Grid) -> Any:
    seconds = seconds_of(source, rows)
    offset = ibis.literal(int(grid.offsets[0][1]))
    for since, then in grid.offsets[1:]:
        offset = ibis.ifelse(seconds >= int(since.timestamp()), int(then), offset)
    first = int(grid.start.timestamp()) + int(grid.offsets[0][1])
    return ((seconds + offset - first) / int(grid.width.total_seconds())).floor().cast("int64")


def with_dimensions(
    recommender: Recommender, source: Source, rows: Any, dimensions: tuple[str, ...]
) -> tuple[Any, dict[str, str]]:
    """
    Rows with every dimension as text, and which dimensions hold several values, with what separates them. A
    dimension that the table does not have is looked up from the items it names.
    """
    apart = separators(source)
    if looked_up := tuple(dimension for dimension in dimensions if dimension not in source.columns):
        rows, more = of_items(recommender, source, rows, looked_up)
        apart |= more
    texts = {d: as_text(rows[d]) for d in dimensions}
    return rows.mutate(**texts), {d: mark for d, mark in apart.items() if d in dimensions}


def of_items(
    recommender: Recommender, source: Source, rows: Any, columns: tuple[str, ...]
) -> tuple[Any, dict[str, str]]:
    """
    Rows with these columns of the items that they name, and in `KNOWN` whether there is such an item; and
    which of the columns hold several values, with what separates them.

    Raises:
        SourceError: the table names no items, or they have no such column.
    """
    items = recommender.items
    if items is None or source.table.item is None:
        source.require(*columns)
        raise AssertionError("unreachable: require raised")
    source.require(source.table.item)
    described = open_beside(recommender, items.table, source)
    for column in columns:
        if column not in described.columns:
            right = sorted({*source.columns, *described.columns})
            raise SourceError(
                f'table "{source.table.name}": "{column}" is in neither it nor "{items.table}"; '
                f"{nearest(column, right)}"
            )
    apart = {name: mark for name, mark in separators(described).items() if name in columns}
    # Requested twice, for slices and for what is examined; so each copy has its own name.
    copy = f"__items_{crc32(repr(columns).encode()):08x}"
    lookup = beside(source, described, (items.key, *columns), copy)
    chosen = lookup.group_by(__key=lookup[items.key].cast("string")).aggregate(
        **{column: lookup[column].max() for column in columns}
    )
    rows = (rows.drop(KNOWN) if KNOWN in rows.columns else rows).mutate(
        __item=rows[source.table.item].cast("string")
    )
    joined = rows.left_join(chosen, rows["__item"] == chosen["__key"])
    return joined.mutate(**{KNOWN: joined["__key"].notnull()}).drop("__item", "__key"), apart


def beside(source: Source, other: Source, columns: tuple[str, ...], copy: str) -> Any:
    """
    Columns of another table on the source's own connection; if it lives elsewhere, its distinct rows, as
    text. PostgreSQL gets those within the query, since nothing may be written there; elsewhere they are
    registered as `copy`.
    """
    other.require(*columns)
    if other.borrowed:
        return other.rows.select(*columns)
    with other:
        distinct = other.rows.select(**{name: as_text(other.rows[name]) for name in columns}).distinct()
        frame = other.fetch(distinct).astype("string")
    if source.connection.name == "postgres":
        listed = quoted(frame.to_json(orient="records", force_ascii=False))
        typed = ", ".join(f"{identifier(name, source.connection)} text" for name in columns)
        sql = f"SELECT * FROM json_to_recordset('{listed}') AS copied({typed})"  # noqa: S608 - quoted
        return rows_of(source.connection, sql)
    if source.connection.name != "duckdb":
        return ibis.memtable(frame)
    source.connection.con.register(copy, frame)
    return rows_of(source.connection, f'SELECT * FROM "{copy}"')  # noqa: S608 - our own name


def _bounded(name: str, parts: Parts, dimensions: tuple[str, ...]) -> None:
    for dimension in dimensions:
        values = parts[(dimension,)][dimension].nunique()
        if values > MAX_VALUES:
            raise SourceError(too_many(name, dimension, values))


def time_bins(
    recommender: Recommender, name: str, start: datetime, end: datetime, width: timedelta
) -> np.ndarray:
    """
    Starts (unix seconds, sorted, int64) of the bins of `width` in [start, end) that hold at least one row.
    """
    seconds = int(width.total_seconds())
    with open_source(recommender, name) as source:
        rows = source.between(start, end)
        index = (seconds_of(source, rows) / seconds).floor().cast("int64")
        bins = source.fetch(rows.select(bin=index).distinct().order_by(_.bin))
    return bins["bin"].to_numpy(dtype=np.int64) * seconds


def zone_of(recommender: Recommender) -> ZoneInfo:
    """The time zone in which this recommender's days begin."""
    return ZoneInfo(recommender.timezone)
