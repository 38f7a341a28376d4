"""The rows of a slice; and the dimensions of a table: its own columns, and those of the items it names."""

from __future__ import annotations

from typing import Any

from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.sources.aggregate.count import of_items
from workers.sources.engines.column_kinds import holds, rows_in, separators
from workers.sources.engines.source import Source, open_source


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
