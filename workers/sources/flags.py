"""What is wrong with a row, as columns of 0 and 1: asked of the engine, never read row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis

from domain.detection.allowed import MOST_CATEGORIES, Allowed, learn_allowed
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Moment, Value
from workers.sources.choices import RANK, low_rank, ranked_choices, ranking_model
from workers.sources.count import beside
from workers.sources.kinds import finite, is_finite, kind_of, looked_at
from workers.sources.lines import nearest
from workers.sources.sets import ROWS, WINDOW, Names
from workers.sources.source import Source, open_beside

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
    What flags are made for: `learn_until` is the first window that nothing is to be learned from, and begins
    at `judged`; the windows cover [start, end).
    """

    check: Check
    dimensions: Names
    learn_until: int
    start: Moment
    judged: Moment
    end: Moment
    skip: tuple[tuple[int, int], ...] = ()

    def skips(self, window: int) -> bool:
        """Whether something was wrong in a window of the past."""
        return any(first <= window <= last for first, last in self.skip)


def flag_missing(_recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """Null, not a number, or an empty text."""
    names = looked_at(source, asked.check.columns)
    return flagged(rows, {name: _missing(rows[name]) for name in names})


def _missing(column: Any) -> Any:
    kind = kind_of(column)
    if kind == "number":
        return column.isnull() | column.cast("float64").isnan()
    return column.isnull() | (column == "") if kind == "text" else column.isnull()


def flag_domain(recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """
    Numbers that are not finite or out of range, texts that are none of the known ones. What is not a number
    is left to a check for missing values where one looks at that column: one cause, one incident.
    """
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
            whole = is_finite(value)
            flags[f"{name} out of range"] = whole & ((value < low) | (value > high))
            told.append(f"{name} outside {low:,.4g} to {high:,.4g}")
            if kind == "number":
                missed = any(looks_for_missing(one, check, name) for one in recommender.checks.values())
                flags[f"{name} not finite"] = ~whole & ~value.isnan() if missed else ~whole
                told.append(f"{name} not a finite number")
        elif kind == "text" and name in allowed.values:
            flags[f"new {name}"] = column.notin(allowed.values[name]) & (column != "")
            told.append(f"a {name} never seen before" if name not in check.values else f"an unknown {name}")
    return flagged(rows, flags, tuple(told))


def looks_for_missing(one: Check, check: Check, column: str) -> bool:
    """Whether the check `one` tells of rows without a value in a column that `check` looks at as well."""
    return (one.kind, one.table) == ("missing", check.table) and (not one.columns or column in one.columns)


def past_of(rows: Any, asked: Asked) -> Any:
    """The rows of windows before the judged one, without those in which something was wrong."""
    past = rows.filter(rows[WINDOW] < asked.learn_until, rows[WINDOW] >= 0)
    for first, last in asked.skip:
        past = past.filter((past[WINDOW] < first) | (past[WINDOW] > last))
    return past


def _learn(source: Source, rows: Any, asked: Asked, columns: Names) -> Allowed:
    """What the windows before the judged one hold."""
    past, check = past_of(rows, asked), asked.check
    numbers = [n for n in columns if kind_of(past[n]) in ("number", "integer") and n not in check.ranges]
    texts = [n for n in columns if kind_of(past[n]) == "text" and n not in check.values]
    measures: dict[str, Any] = {}
    for place, name in enumerate(numbers):
        value = finite(past[name])
        measures |= {f"low{place}": value.min(), f"high{place}": value.max()}
    by_window = source.fetch(past.group_by(WINDOW).aggregate(rows=past.count(), **measures))
    by_window = by_window.sort_values(WINDOW)
    spans = {
        name: list(
            zip(by_window[f"low{place}"].astype(float), by_window[f"high{place}"].astype(float), strict=True)
        )
        for place, name in enumerate(numbers)
    }
    newest = int(by_window[WINDOW].max()) if len(by_window) else 0
    return learn_allowed(check, spans, _texts(source, past, texts, newest))


def _texts(source: Source, past: Any, names: list[str], newest: int) -> dict[str, tuple[set[str], set[str]]]:
    """Of columns with few texts those of all windows but the newest, and those of the newest."""
    if not names:
        return {}
    counts = past.aggregate(**{f"n{place}": past[name].approx_nunique() for place, name in enumerate(names)})
    many = source.fetch(counts).iloc[0]
    seen = {}
    for place, name in enumerate(names):
        if many[f"n{place}"] > 2 * MOST_CATEGORIES:
            continue
        pairs = past.select(held=past[name], new=past[WINDOW] == newest).distinct()
        told = source.fetch(pairs.limit(4 * MOST_CATEGORIES)).dropna()
        new = told["new"].astype(bool)
        seen[name] = (set(told.loc[~new, "held"].astype(str)), set(told.loc[new, "held"].astype(str)))
    return seen


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
    return flagged(once, {" + ".join(key): once[ROWS] - 1})


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
        named, found = f"__named{place}", f"__found{place}"
        other = beside(source, open_beside(recommender, table, source), (key,), f"__keys{place}")
        known = other.select(**{found: other[key].cast("string")}).distinct()
        rows = rows.mutate(**{named: rows[column].cast("string")})
        rows = rows.left_join(known, rows[named] == known[found])
    unmatched = {
        column: rows[f"__named{place}"].notnull() & rows[f"__found{place}"].isnull()
        for place, column in enumerate(targets)
    }
    return flagged(rows, unmatched)


def flag_misses(recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """Of the candidates that were chosen, those that the model had ranked low."""
    check = asked.check
    low = low_rank(check, ranking_model(recommender, check))
    chosen = ranked_choices(recommender, source, rows, check, asked.start, asked.end)
    return flagged(chosen, {f"ranked below place {low}": chosen[RANK] > low})


def flagged(rows: Any, flags: Mapping[str, Any], told: Names = ()) -> Flagged:
    """Rows with a flag for each name: a condition, or a whole number of times that it is wrong."""
    ones = {
        f"{FLAG}{place}": (flag if flag.type().is_integer() else ibis.ifelse(flag, 1, 0)).cast("int64")
        for place, flag in enumerate(flags.values())
    }
    return Flagged(rows.mutate(**ones) if ones else rows, tuple(flags), told)


Flag = Callable[[Recommender, Source, Any, Asked], Flagged]

FLAGS: Mapping[str, Flag] = {
    "missing": flag_missing,
    "domain": flag_domain,
    "duplicates": flag_duplicates,
    "references": flag_references,
    "misses": flag_misses,
}
