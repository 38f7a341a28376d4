"""Dimensions with too many values: noticed in the newest window, before all windows are counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from domain.errors import SourceError
from domain.recommender.several import several
from workers.sources.engines.column_kinds import as_text, separators
from workers.sources.engines.source import Source

MAX_VALUES = 2_000
ESTIMATED = 1.1  # the factor by which an estimate may be off


def too_many(table: str, dimension: str, values: int, about: str = "") -> str:
    """
    The message about a dimension with this many values.

    >>> too_many("plays", "track", 2_500)[:66]
    'table "plays": dimension "track" has 2,500 values, more than 2,000'
    """
    return (
        f'table "{table}": dimension "{dimension}" has {about}{values:,} values, more than {MAX_VALUES:,}; '
        "a dimension is for what a person would name, such as country; take this one out"
    )


def values_of(source: Source, dimension: str) -> int:
    """How many values a column has that holds several in one text."""
    separator = separators(source)[dimension]
    texts = source.fetch(source.rows.select(text=as_text(source.rows[dimension])).distinct())["text"].dropna()
    return len({value for text in texts for value in several(text, separator)})


def many_valued(source: Source, dimensions: Iterable[str], start: datetime, end: datetime) -> dict[str, int]:
    """
    Those of `dimensions`, among the table's own columns, that already have too many values in [start, end),
    and about how many. The engine estimates in one pass, without holding the values.
    """
    own = [name for name in dimensions if name in source.columns]
    if not own:
        return {}
    rows = source.between(start, end)
    found = source.fetch(rows.aggregate(**{name: rows[name].approx_nunique() for name in own})).iloc[0]
    return {name: int(found[name]) for name in own if found[name] > ESTIMATED * MAX_VALUES}


def refuse_many_valued(source: Source, dimensions: Iterable[str], start: datetime, end: datetime) -> None:
    """Raises SourceError for the first dimension that already has too many values in [start, end)."""
    for name, values in many_valued(source, dimensions, start, end).items():
        raise SourceError(too_many(source.table.name, name, values, "about "))
