"""Rows by window and slice: the window of each, its dimensions as text, and the rows of one slice."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import ibis

from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.sources.aggregate.sets import WINDOW, Names
from workers.sources.engines.column_kinds import as_text, holds, rows_in, separators
from workers.sources.engines.engine import quoted
from workers.sources.engines.source import TIME, Source, identifier, open_beside, open_source, rows_of

KNOWN = "__known_item"
"""The column that says whether an item with the row's key exists, if items are looked up."""


def windowed(
    recommender: Recommender, source: Source, rows: Any, grid: Grid, dimensions: Names
) -> tuple[Any, Names]:
    """
    Rows with their window's index in `WINDOW` and every dimension as text, and the dimensions.

    Dimensions with several values in one text are left out: a row's fault is not divided among these.
    """
    own = separators(source)
    rows, apart = with_dimensions(
        recommender, source, rows, tuple(name for name in dimensions if name not in own)
    )
    kept = tuple(name for name in dimensions if name not in own and name not in apart)
    return rows.mutate(**{WINDOW: window_of(source, rows, grid)}), kept


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


def in_slice(recommender: Recommender, source: Source, rows: Any, where: Slice) -> Any:
    """
    Those of the table's `rows` that lie in a slice; if a column holds several values, one of them must be the
    slice's.

    Raises:
        SourceError: a dimension is a column of neither the table nor its items.
    """
    own = tuple(pair for pair in where if pair[0] in source.columns)
    of_their_items = tuple(pair for pair in where if pair not in own)
    rows = rows_in(source, rows, own)
    if not of_their_items:
        return rows
    rows, apart = of_items(recommender, source, rows, tuple(name for name, _ in of_their_items))
    for name, value in of_their_items:
        rows = rows.filter(holds(rows[name], value, apart.get(name)))
    return rows


def known_dimensions(recommender: Recommender, source: Source) -> dict[str, str | None]:
    """
    The declared dimensions that the table really has → what separates their values, if several. The items are
    read only for dimensions that are not columns of the table itself.

    Raises:
        SourceError: the items cannot be read.
    """
    items, named = recommender.items, source.table.dimensions
    known: dict[str, str | None] = dict.fromkeys(source.columns)
    known |= separators(source)
    if items is not None and source.table.item in source.columns and not set(named) <= set(source.columns):
        with open_source(recommender, items.table) as described:
            theirs = dict.fromkeys(described.columns) | separators(described)
        known = {**theirs, **known}
    return {name: known[name] for name in named if name in known}


def equal(left: Any, right: Any) -> Any:
    """Whether two keys are equal: as texts, unless they are of one type."""
    if left.type().copy(nullable=True) == right.type().copy(nullable=True):
        return left == right
    return left.cast("string") == right.cast("string")
