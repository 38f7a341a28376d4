"""What is wrong with a row, as columns of 0 and 1: asked of the engine, never read row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from domain.detection.allowed import MOST_CATEGORIES, Allowed, learn_allowed
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Moment, Value
from workers.sources.choices import RANK, low_rank, ranked_choices, ranking_model
from workers.sources.count import described_beside
from workers.sources.kinds import kind_of, looked_at
from workers.sources.lines import nearest
from workers.sources.sets import ROWS, WINDOW, Names
from workers.sources.source import Source

FLAG = "__bad"


@dataclass(frozen=True)
class Flagged:
    """Rows with a column `FLAG` + number for each of `names`; `told` says of each more than its name."""

    rows: Any
    names: Names
    told: Names = ()

    @property
    def columns(self) -> Names:
        """The columns that hold the flags."""
        return tuple(f"{FLAG}{place}" for place in range(len(self.names)))


class Asked(Value):
    """
    What flags are made for: `learn_until` is the first window that nothing is to be learned from; the windows
    cover [start, end).
    """

    check: Check
    dimensions: Names
    learn_until: int
    start: Moment
    end: Moment
    skip: tuple[tuple[int, int], ...] = ()


def flag_missing(_recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """Null, not a number, or an empty text."""
    names = looked_at(source, asked.check.columns)
    return _flagged(rows, {name: _missing(rows[name]) for name in names})


def _missing(column: Any) -> Any:
    kind = kind_of(column)
    if kind == "number":
        return column.isnull() | column.cast("float64").isnan()
    return column.isnull() | (column == "") if kind == "text" else column.isnull()


def flag_domain(_recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """Numbers that are not finite or out of range, texts that are none of the known ones."""
    check = asked.check
    source.require(*check.ranges, *check.values)
    named = tuple(dict.fromkeys((*check.columns, *check.ranges, *check.values)))
    columns = looked_at(source, named)
    allowed = _learn(source, rows, asked, columns)
    flags: dict[str, Any] = {}
    told: list[str] = []
    for name in columns:
        column, kind = rows[name], kind_of(rows[name])
        if kind in ("number", "integer") and name in allowed.ranges:
            low, high = allowed.ranges[name]
            value = column.cast("float64")
            finite = ~(value.isnan() | value.isinf())
            flags[f"{name} out of range"] = finite & ((value < low) | (value > high))
            told.append(f"{name} outside {low:,.4g} to {high:,.4g}")
            if kind == "number":
                flags[f"{name} not finite"] = ~finite
                told.append(f"{name} not a finite number")
        elif kind == "text" and name in allowed.values:
            flags[f"new {name}"] = column.notin(allowed.values[name]) & (column != "")
            told.append(f"a {name} never seen before" if name not in check.values else f"an unknown {name}")
    return _flagged(rows, flags, tuple(told))


def _learn(source: Source, rows: Any, asked: Asked, columns: Names) -> Allowed:
    """What the windows before the judged one hold, without those in which something was wrong."""
    past = rows.filter(rows[WINDOW] < asked.learn_until)
    for first, last in asked.skip:
        past = past.filter((past[WINDOW] < first) | (past[WINDOW] > last))
    measures: dict[str, Any] = {}
    for place, name in enumerate(columns):
        kind = kind_of(past[name])
        if kind in ("number", "integer") and name not in asked.check.ranges:
            value = past[name].cast("float64")
            finite = value.nullif(float("inf")).nullif(float("-inf")).nullif(float("nan"))
            measures |= {f"low{place}": finite.min(), f"high{place}": finite.max()}
        elif kind == "text" and name not in asked.check.values:
            measures[f"values{place}"] = past[name].approx_nunique()
    seen: Any = source.fetch(past.aggregate(**measures)).iloc[0] if measures else {}
    ranges, values = {}, {}
    for place, name in enumerate(columns):
        if f"low{place}" in measures and pd.notna(seen[f"low{place}"]):
            ranges[name] = (float(seen[f"low{place}"]), float(seen[f"high{place}"]))
        if f"values{place}" in measures and seen[f"values{place}"] <= 2 * MOST_CATEGORIES:
            held = source.fetch(past.select(held=past[name]).distinct().limit(MOST_CATEGORIES + 2))["held"]
            values[name] = tuple(sorted(str(one) for one in held.dropna()))
    return learn_allowed(asked.check, ranges, values)


def flag_duplicates(_recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """All rows of a key in a window but one; the key is the check's own, else the table's."""
    key = asked.check.key or ((source.table.key,) if source.table.key else ())
    if not key:
        raise SourceError(
            f'check "{asked.check.name}": says not which columns may not repeat; write key = ["…"] in it, or '
            f'in table "{source.table.name}"'
        )
    source.require(*key)
    whole = rows.filter(*(rows[name].notnull() for name in key))
    keys = {f"__key{place}": whole[name] for place, name in enumerate(key)}
    once = whole.group_by(WINDOW, **keys).aggregate(
        **{name: whole[name].max() for name in asked.dimensions}, **{ROWS: whole.count()}
    )
    return _flagged(once, {" + ".join(key): once[ROWS] - 1})


def flag_references(recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """Values that the table they refer to does not have; of the items, where the check names no other."""
    targets = dict(asked.check.references)
    if not targets and recommender.items and source.table.item:
        targets = {source.table.item: f"{recommender.items.table}.{recommender.items.key}"}
    if not targets:
        raise SourceError(
            f'check "{asked.check.name}": says not what refers to what; write for instance '
            'references = {member_id = "members.member_id"}'
        )
    source.require(*targets)
    for place, (column, target) in enumerate(targets.items()):
        table, _dot, key = target.partition(".")
        if table not in recommender.tables:
            raise SourceError(
                f'check "{asked.check.name}": table "{table}" is not declared; '
                f"{nearest(table, recommender.tables)}"
            )
        other = described_beside(recommender, source, table, (key,), f"__described{place}")
        named, found = f"__named{place}", f"__found{place}"
        known = other.select(**{found: other[key].cast("string")}).distinct()
        rows = rows.mutate(**{named: rows[column].cast("string")})
        rows = rows.left_join(known, rows[named] == known[found])
    unmatched = {
        column: rows[f"__named{place}"].notnull() & rows[f"__found{place}"].isnull()
        for place, column in enumerate(targets)
    }
    return _flagged(rows, unmatched)


def flag_misses(recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """Of the candidates that were chosen, those that the model had ranked low."""
    check = asked.check
    low = low_rank(check, ranking_model(recommender, check))
    chosen = ranked_choices(recommender, source, rows, check, asked.start, asked.end)
    return _flagged(chosen, {f"choices below place {low}": chosen[RANK] > low})


def _flagged(rows: Any, flags: Mapping[str, Any], told: Names = ()) -> Flagged:
    ones = {
        f"{FLAG}{place}": (flag if flag.type().is_integer() else ibis.ifelse(flag, 1, 0)).cast("int64")
        for place, flag in enumerate(flags.values())
    }
    return Flagged(rows.mutate(**ones) if ones else rows, tuple(flags), told)


FLAGS: Mapping[str, Callable[[Recommender, Source, Any, Asked], Flagged]] = {
    "missing": flag_missing,
    "domain": flag_domain,
    "duplicates": flag_duplicates,
    "references": flag_references,
    "misses": flag_misses,
}
