"""Joins another table's rows on the connection of the one being read, and finds which rows match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.sliced import equal
from workers.sources.engines.source import Source, open_beside, rows_of

MOST_COPIED = 2_000_000  # rows copied from one place to another


@dataclass(frozen=True)
class JoinedTable:
    """
    What is wanted from another table: its rows of [start, end), or all rows of a current state (a table
    without time), by the columns `on` (own → its), each with `values` (name there → a name of ours). `mark`
    keeps the names of several such tables apart.
    """

    table: str
    start: datetime
    end: datetime
    on: Mapping[str, str]
    values: Mapping[str, str]
    mark: str = "0"

    @property
    def found(self) -> str:
        """The column that is set if a row found a partner."""
        return f"__found{self.mark}"

    def key(self, place: int) -> str:
        """The name that the other table's key column gets in the join."""
        return f"__key{self.mark}_{place}"


def joined(recommender: Recommender, source: Source, rows: Any, beside: JoinedTable) -> Any:
    """
    `rows` with `beside.found`, null if the other table has no row with that key, and its values: the largest
    among several rows with one key. A key that is not set matches nothing.

    Raises:
        SourceError: a column is missing on either side; no single query can see both tables, or more than two
            million rows would have to be copied.
    """
    source.require(*beside.on)
    other = _once(_rows_beside(recommender, source, beside), beside)
    return rows.left_join(
        other, [equal(rows[name], other[beside.key(place)]) for place, name in enumerate(beside.on)]
    )


def _once(other: Any, beside: JoinedTable) -> Any:
    keys = [beside.key(place) for place in range(len(beside.on))]
    return other.group_by(*keys).aggregate(
        **{beside.found: other.count()}, **{name: other[name].max() for name in beside.values.values()}
    )


def _rows_beside(recommender: Recommender, source: Source, beside: JoinedTable) -> Any:
    with open_beside(recommender, beside.table, source) as other:
        other.require(*beside.on.values(), *beside.values)
        rows = other.between(beside.start, beside.end) if other.table.time else other.rows
        wanted = _chosen(rows, beside)
        if other.borrowed:
            return wanted
        if source.connection.name != "duckdb":
            raise SourceError(
                f'tables "{source.table.name}" and "{beside.table}" are in two places; declare them where '
                "one question can see both, or the first of them as files"
            )
        copied = other.fetch(wanted.limit(MOST_COPIED + 1))
    if len(copied) > MOST_COPIED:
        raise SourceError(
            f'table "{beside.table}": more than {MOST_COPIED:,} rows to copy beside "{source.table.name}"; '
            "make the check's history shorter, or keep both tables in one place"
        )
    name = f"__beside{beside.mark}"
    source.connection.con.register(name, copied)
    return rows_of(source.connection, f'SELECT * FROM "{name}"')  # noqa: S608 - our own name


def _chosen(rows: Any, beside: JoinedTable) -> Any:
    keys = {beside.key(place): rows[theirs] for place, theirs in enumerate(beside.on.values())}
    return rows.select(**keys, **{ours: rows[theirs] for theirs, ours in beside.values.items()})
