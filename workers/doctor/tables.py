"""Compares a declared table with what it really holds, for `recsysops doctor`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from domain.answer import Advice, Level
from domain.recommender.keys.duration import name_duration
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.checks.plan import plan, window_checks
from workers.declaration.check_kinds import found
from workers.sources.aggregate.profile import Profile, profile
from workers.sources.aggregate.sets import MAX_VALUES
from workers.sources.engines.files import malformed_rows
from workers.sources.engines.source import Source, open_source

MALFORMED_SHARE = 0.01
SOME = 2_000  # items or members of a table that are looked up in the table that describes them
UNMATCHED_SHARE = 0.05
NOT_SET_SHARE = 0.20

CLOCKS_APART = timedelta(minutes=1)
"""Rows this far ahead come from a writer's clock, or were written while the table was being read."""

Opened = Mapping[str, Source]


def absent_columns(
    where: str, names: Iterable[str | None], source: Source | None, beside: Iterable[str] = ()
) -> Iterator[Advice]:
    """
    An error for each column that the table lacks, with the nearest right name; none where it is not open.

    Args:
        beside: names that would be right as well.
    """
    right = {*source.columns, *beside} if source is not None else set()
    for name in names:
        if source is not None and name is not None and name not in right:
            says = f'table "{source.table.name}" has no column "{name}"'
            yield Advice(level="error", where=where, says=says, fix=nearest(name, right))


def examine_table(
    recommender: Recommender, name: str, now: datetime, opened: dict[str, Source]
) -> Iterator[Advice]:
    where = f"tables.{name}"
    table = recommender.tables[name]
    source = opened[name] = open_source(recommender, name)
    yield from _columns(recommender, source, where)
    held = profile(source, now + CLOCKS_APART, table.dimensions)
    if lost := malformed_rows(table):
        level: Level = "warning" if lost > MALFORMED_SHARE * (held.rows + lost) else "note"
        says = f"{lost:,} of {held.rows + lost:,} lines do not fit the declared shape and are left out"
        yield Advice(level=level, where=f"{where}.csv", says=says, fix="look at delimiter and columns")
    if held.rows == 0:
        yield Advice(level="error", where=where, says="has no rows", fix="write some, or correct path")
        return
    yield from _dimensions(held, f"{where}.dimensions")
    if table.time in source.columns:
        yield from _time(recommender, source, held)


def _columns(recommender: Recommender, source: Source, where: str) -> Iterator[Advice]:
    table = source.table
    described: tuple[str, ...] = ()
    if recommender.items and table.item and recommender.items.table != table.name:
        with open_source(recommender, recommender.items.table) as items:
            described = items.columns
    for key in ("time", "item", "member", "key", "label"):
        yield from absent_columns(f"{where}.{key}", (getattr(table, key),), source)
    yield from absent_columns(f"{where}.dimensions", table.dimensions, source, described)
    label = source.rows[table.label].type() if table.label in source.columns else None
    if label is not None and not (label.is_boolean() or label.is_numeric()):
        says = f'column "{table.label}" is neither a boolean nor a number'
        fix = "name the column that says whether, or how often, what is learned came about"
        yield Advice(level="error", where=f"{where}.label", says=says, fix=fix)


def _dimensions(held: Profile, where: str) -> Iterator[Advice]:
    for name, column in held.columns.items():
        if column.values > MAX_VALUES:
            says = f"{name} has {column.values:,} values, more than {MAX_VALUES:,}"
            fix = "take it out: nobody can name that many slices"
            yield Advice(level="error", where=where, says=says, fix=fix)
        if column.unset > NOT_SET_SHARE:
            says = f"{name} is not set in {column.unset:.0%} of the rows"
            yield Advice(
                level="warning", where=where, says=says, fix="find out why; they count as one slice, ∅"
            )


def _time(recommender: Recommender, source: Source, held: Profile) -> Iterator[Advice]:
    where, kind = f"tables.{source.table.name}.time", source.rows[source.table.time].type()
    if kind.is_timestamp() and kind.timezone is None:
        says = f"{source.table.time} has no zone; it is taken for UTC"
        yield Advice(level="note", where=where, says=says, fix="store it with a zone if it is another")
    if held.first is None or held.last is None:
        says = f"{source.table.time} holds no time that can be read (stored as {kind})"
        yield Advice(level="error", where=where, says=says, fix="name the column that holds the time")
        return
    if held.without_time:
        says = f"{held.without_time:,} of {held.rows:,} rows have no time and are not counted"
        yield Advice(level="warning", where=where, says=says, fix="find out where they come from")
    if held.in_future:
        says = f"{held.in_future:,} of {held.rows:,} rows lie in the future and are not counted yet"
        yield Advice(level="warning", where=where, says=says, fix="check the writer's clock and zone")
    yield from _history(recommender, source.table, held.last - held.first)


def _history(recommender: Recommender, table: Table, had: timedelta) -> Iterator[Advice]:
    for declared in (check for check in window_checks(recommender) if check.table == table.name):
        kind = found(declared.kind)
        if kind is None or not kind.windows:
            continue
        need = kind.least_windows * plan(recommender, declared).window
        if had < need:
            says = f"{name_duration(had)} of history; it needs {name_duration(need)} before it can judge"
            yield Advice(
                level="warning", where=f"checks.{declared.name}", says=says, fix="wait, or shorten window"
            )


def examine_described(
    recommender: Recommender, what: Literal["items", "members"], opened: Opened
) -> Iterator[Advice]:
    """Columns that the table of the items or members lacks, and tables whose rows name others than it has."""
    declared = recommender.items if what == "items" else recommender.members
    if declared is None or declared.table not in opened:
        return
    described = opened[declared.table]
    single = (getattr(declared, name, None) for name in ("title", "launch", "joined"))
    yield from absent_columns(what, (declared.key, *single, *declared.features), described)
    if declared.key in described.columns:
        named = what.removesuffix("s")
        for name, source in opened.items():
            column = getattr(source.table, named)
            if name == declared.table or column is None or column not in source.columns:
                continue
            if (lost := _unmatched(source, column, described, declared.key)) > UNMATCHED_SHARE:
                says = f'{lost:.0%} of its rows name {what} that table "{declared.table}" does not have'
                fix = f"check {what}.key; {what} that have left since are no fault, but not explained"
                yield Advice(level="warning", where=f"tables.{name}.{named}", says=says, fix=fix)
    if what == "members" and recommender.members and recommender.members.joined is None:
        says = "no column says when members joined: new ones are not held against former cohorts"
        yield Advice(level="note", where=what, says=says, fix='name it: joined = "…"')


def _unmatched(source: Source, column: str, described: Source, key: str) -> float:
    """The share of rows (0–1) that name what the other table does not have, of up to 2,000 that are named."""
    named = source.rows[column].cast("string")
    rows = source.rows.filter(named.notnull())
    some = source.fetch(rows.group_by(key=named).aggregate(rows=rows.count()).limit(SOME))
    known = described.rows[key].cast("string")
    found = described.fetch(described.rows.select(key=known).filter(known.isin(some["key"].tolist())))
    return float(some.loc[~some["key"].isin(found["key"]), "rows"].sum() / max(some["rows"].sum(), 1))
