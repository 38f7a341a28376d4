"""Flags what is wrong with a row, in columns of 0 and 1: asked of the engine, never read row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ibis

from domain.detection.data.tally import Tally, tally_of
from domain.detection.data.window import Grid
from domain.detection.expect.column_domains import MOST_CATEGORIES, ColumnDomains, learn_domains
from domain.detection.judge.state import CheckState
from domain.detection.needs import MissingValues, RepeatedKeys
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.keys.nearest import nearest
from domain.recommender.options import Domains, Keyed, OfColumns, Referring
from domain.recommender.recommender import Recommender
from domain.values import Moment, Value
from workers.declaration.check_kinds import asks
from workers.sources.aggregate.exposure import RANK, low_rank, ranked_choices, ranking_model
from workers.sources.aggregate.sets import ROWS, WINDOW, Names, by_slice
from workers.sources.aggregate.sliced import KNOWN, beside, of_items, windowed
from workers.sources.engines.column_kinds import finite, is_finite, kind_of, looked_at, separators
from workers.sources.engines.source import Source, open_beside, open_source

FLAG = "__bad"
KEY, JOINED = "__key", " + "
"""Names of a key's columns: where rows are counted by it, and joined where it is named."""


@dataclass(frozen=True)
class Flagged:
    """
    Rows with a column `FLAG` + number for each of `names`; `labels` say more about each than its name does.
    `promised` are flags that were declared never to occur, each with the columns that show them.
    """

    rows: Any
    names: Names
    labels: Names = ()
    promised: Mapping[str, Names] = field(default_factory=dict)

    @property
    def columns(self) -> Names:
        """The columns that hold the flags."""
        return tuple(f"{FLAG}{place}" for place in range(len(self.names)))


class FlagRequest(Value):
    """
    What flags are made for: `learn_until` is the first window that nothing may be learned from, and begins at
    `judged`; the windows cover [start, end).
    """

    check: Check
    dimensions: Names
    learn_until: int
    start: Moment
    judged: Moment
    end: Moment
    skip: tuple[tuple[int, int], ...] = ()

    def skips(self, window: int) -> bool:
        """Whether something was wrong in a past window."""
        return any(first <= window <= last for first, last in self.skip)


def flag_missing(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """
    Null, NaN, or an empty text, in the table or in a feature of the item that a row names. Keys are promised
    never to be missing, and so is everything if a single row is declared to matter. Unknown items are left to
    `references`.
    """
    check = asked.check
    named = OfColumns.of(check).columns
    features = item_features(recommender, source, named)
    own = tuple(name for name in named if name not in features)
    names = (*(looked_at(source, own) if own or not named else ()), *features)
    if lacking := tuple(name for name in features if name not in rows.columns):
        rows, _several = of_items(recommender, source, rows, lacking)
    one_matters = "least_rows" in check.model_fields_set and check.least_rows <= 1
    never = names if one_matters else [name for name in names if name in _keys(recommender, source)]
    wrong = {name: _missing(rows[name]) for name in names}
    wrong |= {name: rows[KNOWN] & wrong[name] for name in features}
    return flagged(rows, wrong, promised={name: (name,) for name in never})


def item_features(recommender: Recommender, source: Source, columns: Names) -> Names:
    """Those of `columns` that are not in the table, but are features of the items its rows name."""
    if recommender.items is None or source.table.item is None:
        return ()
    features = recommender.items.features
    return tuple(name for name in columns if name not in source.columns and name in features)


def _keys(recommender: Recommender, source: Source) -> set[str]:
    """The columns that make up a declared key of the table."""
    declared = {source.table.key} if source.table.key else set()
    of_table = (one for one in recommender.checks.values() if one.table == source.table.name)
    return declared.union(*(Keyed.of(one).key for one in of_table if asks(one, RepeatedKeys)))


def _missing(column: Any) -> Any:
    kind = kind_of(column)
    if kind == "number":
        return column.isnull() | column.cast("float64").isnan()
    return column.isnull() | (column == "") if kind == "text" else column.isnull()


def flag_domain(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """
    Numbers that are not finite or out of range, texts that are none of the known ones. NaN is left to a check
    for missing values if one looks at that column: one cause, one incident.
    """
    check = asked.check
    keys = Domains.of(check)
    source.require(*keys.ranges, *keys.values)
    named = tuple(dict.fromkeys((*OfColumns.of(check).columns, *keys.ranges, *keys.values)))
    columns = looked_at(source, named)
    allowed = _learn(source, rows, asked, columns)
    flags: dict[str, Any] = {}
    labels: list[str] = []
    promised: dict[str, Names] = {}
    several = separators(source)
    for name in columns:
        column, kind = rows[name], kind_of(rows[name])
        if kind in ("number", "integer") and name in allowed.ranges:
            low, high = allowed.ranges[name]
            value = column.cast("float64")
            whole = is_finite(value)
            flags[f"{name} out of range"] = whole & ((value < low) | (value > high))
            labels.append(f"{name} outside {low:,.4g} to {high:,.4g}")
            promised |= {f"{name} out of range": (name,)} if name in keys.ranges else {}
            if kind == "number":
                missed = any(looks_for_missing(one, check, name) for one in recommender.checks.values())
                flags[f"{name} not finite"] = ~whole & ~value.isnan() if missed else ~whole
                labels.append(f"{name} not a finite number")
                promised |= {f"{name} not finite": (name,)} if name in keys.ranges else {}
        elif name in keys.values and name in several:
            flags[f"new {name}"] = _holds_other(column, several[name], keys.values[name])
            labels.append(f"an unknown {name}")
            promised[f"new {name}"] = (name,)
        elif kind == "text" and name in allowed.values:
            flags[f"new {name}"] = column.notin(allowed.values[name]) & (column != "")
            promised |= {f"new {name}": (name,)} if name in keys.values else {}
            labels.append(f"a new {name}" if name not in keys.values else f"an unknown {name}")
    return flagged(rows, flags, tuple(labels), promised)


def _holds_other(column: Any, separator: str, known: Names) -> Any:
    """Whether one of the several values in a column is not a known one."""
    parts = column if column.type().is_array() else column.split(separator)
    return parts.filter(lambda one: one.notin(known) & (one != "")).length().fill_null(0) > 0


def looks_for_missing(one: Check, check: Check, column: str) -> bool:
    """Whether the check `one` reports rows without a value in a column that `check` examines as well."""
    if one.table != check.table or not asks(one, MissingValues):
        return False
    columns = OfColumns.of(one).columns
    return not columns or column in columns


def past_of(rows: Any, asked: FlagRequest) -> Any:
    """The rows of windows before the judged one, except windows in which something was wrong."""
    past = rows.filter(rows[WINDOW] < asked.learn_until, rows[WINDOW] >= 0)
    for first, last in asked.skip:
        past = past.filter((past[WINDOW] < first) | (past[WINDOW] > last))
    return past


def _learn(source: Source, rows: Any, asked: FlagRequest, columns: Names) -> ColumnDomains:
    """What the windows before the judged one hold."""
    past, keys = past_of(rows, asked), Domains.of(asked.check)
    numbers = [n for n in columns if kind_of(past[n]) in ("number", "integer") and n not in keys.ranges]
    texts = [n for n in columns if kind_of(past[n]) == "text" and n not in keys.values]
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
    return learn_domains(keys, spans, _texts(source, past, texts, newest))


def _texts(source: Source, past: Any, names: list[str], newest: int) -> dict[str, tuple[set[str], set[str]]]:
    """For columns with few distinct texts: those in all windows but the newest, and those in the newest."""
    if not names:
        return {}
    counts = past.aggregate(**{f"n{place}": past[name].approx_nunique() for place, name in enumerate(names)})
    many = source.fetch(counts).iloc[0]
    seen = {}
    for place, name in enumerate(names):
        if many[f"n{place}"] > 2 * MOST_CATEGORIES:
            continue
        pairs = past.select(held=past[name], new=past[WINDOW] == newest).distinct()
        values = source.fetch(pairs.limit(4 * MOST_CATEGORIES)).dropna()
        new = values["new"].astype(bool)
        seen[name] = (set(values.loc[~new, "held"].astype(str)), set(values.loc[new, "held"].astype(str)))
    return seen


def flag_duplicates(_recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """All rows with the same key in a window but one; the key is the check's own, else the table's."""
    key = Keyed.of(asked.check).key or ((source.table.key,) if source.table.key else ())
    if not key:
        raise SourceError(
            f'check "{asked.check.name}": says not which columns may not repeat; write key = ["…"] in it, or '
            f'in table "{source.table.name}"'
        )
    source.require(*key)
    whole = rows.filter(*(rows[name].notnull() for name in key))
    keys = {f"{KEY}{place}": whole[name] for place, name in enumerate(key)}
    once = whole.group_by(WINDOW, **keys).aggregate(
        **{name: whole[name].max() for name in asked.dimensions}, **{ROWS: whole.count()}
    )
    name = JOINED.join(key)
    return flagged(once, {name: once[ROWS] - 1}, promised={name: tuple(keys)})


def flag_references(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """Values missing from the table they refer to; that is the items, if the check names no other."""
    targets = dict(Referring.of(asked.check).references)
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
    promised = {name: (name,) for name in Referring.of(asked.check).references}
    return flagged(rows, unmatched, promised=promised)


def flag_misses(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """Among the chosen candidates, those that the model had ranked low."""
    check = asked.check
    low = low_rank(check, ranking_model(recommender, check))
    chosen = ranked_choices(recommender, source, rows, check, asked.start, asked.end)
    return flagged(chosen, {f"ranked below place {low}": chosen[RANK] > low})


def flagged(
    rows: Any,
    flags: Mapping[str, Any],
    labels: Names = (),
    promised: Mapping[str, Names] | None = None,
) -> Flagged:
    """Rows with a flag for each name: a condition, or a whole number of times that it is violated."""
    ones = {
        f"{FLAG}{place}": (flag if flag.type().is_integer() else ibis.ifelse(flag, 1, 0)).cast("int64")
        for place, flag in enumerate(flags.values())
    }
    return Flagged(rows.mutate(**ones) if ones else rows, tuple(flags), labels, promised or {})


Flag = Callable[[Recommender, Source, Any, FlagRequest], Flagged]


def tally_rows(
    recommender: Recommender,
    check: Check,
    grid: Grid,
    dimensions: Names,
    memory: CheckState,
    flag: Flag,
) -> Tally:
    """
    The check's table over `grid`; what a column may hold is learned from all windows but the last.

    Args:
        flag: says what is wrong with a row.

    Raises:
        SourceError: the table is not as the check needs it, or as `open_source` and `grouped`.
    """
    with open_source(recommender, str(check.table)) as source:
        rows = source.between(grid.start, grid.end)
        rows, kept = windowed(recommender, source, rows, grid, dimensions)
        asked = FlagRequest(
            check=check,
            dimensions=kept,
            learn_until=grid.count - 1,
            start=grid.start,
            judged=grid.edge(grid.count - 1),
            end=grid.end,
            skip=wrong_windows(grid, memory),
        )
        found = flag(recommender, source, rows, asked)
        weight = (ROWS,) if ROWS in found.rows.columns else ()
        keyed = found.rows.select(WINDOW, *kept, *weight, *found.columns)
        long = by_slice(source, keyed, kept, check.ways, sums=found.columns)
    # Renamed here, as a column that is checked may be called like one of `long`.
    tally = tally_of(long, grid, found.columns, found.labels, tuple(found.promised))
    return replace(tally, columns=tuple(found.names))


def wrong_windows(grid: Grid, memory: CheckState) -> tuple[tuple[int, int], ...]:
    """(first, last) windows in which something was wrong: nothing is learned from them."""
    width = grid.width.total_seconds()
    start = grid.start.timestamp()
    spans = [
        (int((wrong.since.timestamp() - start) // width), int((wrong.until.timestamp() - start - 1) // width))
        for wrong in memory.wrong(grid.edge(grid.count - 1))
    ]
    lost = sum(max(0, min(last, grid.count - 2) - max(first, 0) + 1) for first, last in spans)
    return tuple(spans) if lost < grid.count - 1 else ()
