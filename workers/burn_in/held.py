"""What a table holds, and where that violates what its team declared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import ibis

from domain.detection.needs import RepeatedKeys
from domain.recommender.check import Check
from domain.recommender.options import Domains, Keyed, Types
from workers.declaration.check_kinds import asks
from workers.sources.engines.column_kinds import as_text, is_finite, kind_of, separators
from workers.sources.engines.source import Source

MOST_COLUMNS = 60
LITTLE_UNSET = 0.0005


def held(source: Source, rows: Any) -> Iterator[str]:
    """One sentence per column: its type, its distinct values or range, and how often it is missing."""
    columns = [name for name in source.columns if name != source.table.time][:MOST_COLUMNS]
    asked = {}
    for place, name in enumerate(columns):
        column = rows[name]
        text = as_text(column) if column.type().is_array() else column
        asked[f"u{place}"] = column.isnull().mean()
        asked[f"d{place}"] = text.approx_nunique()
        if column.type().is_numeric():
            asked |= {f"l{place}": column.min().cast("float64"), f"h{place}": column.max().cast("float64")}
    summary: Any = source.fetch(rows.aggregate(**asked)).iloc[0] if columns else {}
    lists = separators(source)
    for place, name in enumerate(columns):
        kind = "lists" if name in lists else kind_of(rows[name])
        unset = float(summary[f"u{place}"] or 0.0)
        of = " ones" if name in lists else ""
        words = f"{name}: {kind}, about {int(summary[f'd{place}'] or 0):,} different{of}"
        if f"l{place}" in asked and unset < 1.0:
            words += f", {summary[f'l{place}']:,.6g} to {summary[f'h{place}']:,.6g}"
        yield words + (f", not set in {unset:.1%} of the rows" if unset > LITTLE_UNSET else "")
    if len(source.columns) > MOST_COLUMNS + 1:
        yield f"and {len(source.columns) - MOST_COLUMNS - 1} columns more"


def broken(source: Source, rows: Any, check: Check) -> Iterator[str]:
    """Where the rows so far violate what the check requires: ranges, values, types and keys."""
    there, domains = set(source.columns), Domains.of(check)
    for column, kind in Types.of(check).types.items():
        now = kind_of(source.rows[column]) if column in there else "nothing: it is not there"
        if now != kind and not (kind == "number" and now == "integer"):
            yield f"{column} should hold {kind}, and holds {now}"
    for column, (low, high) in domains.ranges.items():
        if column in there and kind_of(rows[column]) in ("number", "integer"):
            value = rows[column].cast("float64")
            out = ~(is_finite(value) & (value >= low) & (value <= high))
            yield from _counted(
                source, rows.filter(out.fill_null(False)), f"{column} out of [{low:g}, {high:g}]"
            )
    for column, values in domains.values.items():
        if column in there:
            other = ~as_text(rows[column]).isin(list(values))
            named = f"{column} not among the {len(values)} declared values"
            yield from _counted(source, rows.filter(other.fill_null(False)), named)
    usual = (source.table.key,) if asks(check, RepeatedKeys) and source.table.key else ()
    key = Keyed.of(check).key or usual
    if key and there.issuperset(key):
        again = rows.group_by(list(key)).aggregate(n=rows.count())
        again = again.aggregate(n=(again.n - 1).sum())
        if more := int(source.fetch(again)["n"].fillna(0).iloc[0]):
            yield f"{_rows(more)} the {', '.join(key)} of another one"


def _counted(source: Source, wrong: Any, says: str) -> Iterator[str]:
    if n := int(source.fetch(wrong.aggregate(n=wrong.count()))["n"].iloc[0]):
        yield f"{_rows(n)} {says}"


def _rows(n: int) -> str:
    return "1 row has" if n == 1 else f"{n:,} rows have"


def unknown(source: Source, rows: Any, column: str, other: Source, key: str) -> float:
    """The share of rows whose `column` has a value that is not a `key` of the other table."""
    named = rows.select(key=as_text(rows[column])).filter(ibis._.key.notnull())
    seen = source.fetch(named.group_by("key").aggregate(n=ibis._.count()))
    known = set(other.fetch(other.rows.select(key=as_text(other.rows[key])).distinct())["key"])
    total = float(seen["n"].sum())
    return float(seen.loc[~seen["key"].isin(known), "n"].sum()) / total if total else 0.0


def since(source: Source, rows: Any, time: str) -> dict[str, tuple[datetime | None, float]]:
    """Column → the first time it has a value, and the share of rows in which it has one."""
    names = [name for name in source.columns if name != source.table.time][:MOST_COLUMNS]
    asked = {f"t{n}": rows[time].min(where=rows[name].notnull()) for n, name in enumerate(names)}
    asked |= {f"s{n}": rows[name].notnull().mean() for n, name in enumerate(names)}
    summary: Any = source.fetch(rows.aggregate(**asked)).iloc[0] if names else {}
    return {name: (summary[f"t{n}"], float(summary[f"s{n}"] or 0.0)) for n, name in enumerate(names)}
