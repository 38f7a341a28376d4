"""Compares a declared table with what it really holds, for `recsysops doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.answer import Advice, Level
from domain.recommender.keys.duration import name_duration
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.checks.plan import plan, window_checks
from workers.declaration.check_kinds import found
from workers.sources.aggregate.cardinality import MAX_VALUES, values_of
from workers.sources.aggregate.count import census
from workers.sources.engines.files import malformed_rows
from workers.sources.engines.source import Source, open_source

MALFORMED_SHARE = 0.01
SOME = 2_000  # members of a table that are looked up in the members' table
UNMATCHED_SHARE = 0.05
NOT_SET_SHARE = 0.20

CLOCKS_APART = timedelta(minutes=1)
"""Rows this far ahead come from a writer's clock, or were written while the table was being read."""


def examine_table(
    recommender: Recommender, name: str, now: datetime, opened: dict[str, Source]
) -> Iterator[Advice]:
    where = f"tables.{name}"
    table = recommender.tables[name]
    source = opened[name] = open_source(recommender, name)
    yield from _columns(recommender, source, where)
    lost = malformed_rows(table)
    rows = int(source.fetch(source.rows.aggregate(rows=source.rows.count()))["rows"].iloc[0])
    if lost:
        level: Level = "warning" if lost > MALFORMED_SHARE * (rows + lost) else "note"
        says = f"{lost:,} of {rows + lost:,} lines do not fit the declared shape and are left out"
        yield Advice(level=level, where=f"{where}.csv", says=says, fix="look at delimiter and columns")
    if rows == 0:
        yield Advice(level="error", where=where, says="has no rows", fix="write some, or correct path")
    elif table.time is not None and table.time in source.columns:
        yield from _time(recommender, source, now)


def _columns(recommender: Recommender, source: Source, where: str) -> Iterator[Advice]:
    table = source.table
    described: tuple[str, ...] = ()
    if recommender.items and table.item and recommender.items.table != table.name:
        described = open_source(recommender, recommender.items.table).columns
    asked = {name: getattr(table, name) for name in ("time", "item", "member", "key", "label")}
    for key, column in asked.items():
        if column is not None and column not in source.columns:
            says = f'there is no column "{column}"'
            yield Advice(
                level="error", where=f"{where}.{key}", says=says, fix=nearest(column, source.columns)
            )
    if table.label in source.columns and not _can_be_set(source.rows[table.label]):
        says = f'column "{table.label}" is neither a boolean nor a number'
        fix = "name the column that says whether, or how often, what is learned came about"
        yield Advice(level="error", where=f"{where}.label", says=says, fix=fix)
    for dimension in table.dimensions:
        if dimension in source.columns:
            yield from _dimension(source, dimension, where)
        elif dimension not in described:
            says = f'there is no column "{dimension}"'
            right = {*source.columns, *described}
            yield Advice(level="error", where=f"{where}.dimensions", says=says, fix=nearest(dimension, right))


def _can_be_set(column: Any) -> bool:
    return bool(column.type().is_boolean() or column.type().is_numeric())


def _dimension(source: Source, dimension: str, where: str) -> Iterator[Advice]:
    column = source.rows[dimension]
    row = source.fetch(source.rows.aggregate(unset=column.isnull().mean(), rows=column.count())).iloc[0]
    key, values = f"{where}.dimensions", values_of(source, dimension)
    if values > MAX_VALUES:
        says = f"{dimension} has {values:,} values, more than {MAX_VALUES:,}"
        yield Advice(level="error", where=key, says=says, fix="take it out: nobody can name that many slices")
    if float(row["unset"] or 0) > NOT_SET_SHARE:
        says = f"{dimension} is not set in {float(row['unset']):.0%} of the rows"
        yield Advice(level="warning", where=key, says=says, fix="find out why; they count as one slice, ∅")


def _time(recommender: Recommender, source: Source, now: datetime) -> Iterator[Advice]:
    where = f"tables.{source.table.name}.time"
    stored = source.stored_time()
    if stored == "timestamp":
        kind = source.rows[source.table.time].type()
        if kind.timezone is None:
            says = f"{source.table.time} has no zone; it is taken for UTC"
            yield Advice(level="note", where=where, says=says, fix="store it with a zone if it is another")
    counted = census(source, now + CLOCKS_APART)
    if counted.first is None or counted.last is None:
        says = f"{source.table.time} holds no time that can be read (stored as {stored})"
        yield Advice(level="error", where=where, says=says, fix="name the column that holds the time")
        return
    if counted.without_time:
        says = f"{counted.without_time:,} of {counted.rows:,} rows have no time and are not counted"
        yield Advice(level="warning", where=where, says=says, fix="find out where they come from")
    if counted.in_future:
        says = f"{counted.in_future:,} of {counted.rows:,} rows lie in the future and are not counted yet"
        yield Advice(level="warning", where=where, says=says, fix="check the writer's clock and zone")
    yield from _history(recommender, source.table, counted.first, counted.last)


def _history(recommender: Recommender, table: Table, first: datetime, last: datetime) -> Iterator[Advice]:
    for declared in (check for check in window_checks(recommender) if check.table == table.name):
        kind = found(declared.kind)
        if kind is None or not kind.windows:
            continue
        need = kind.least_windows * plan(recommender, declared).window
        if last - first < need:
            had = name_duration(last - first)
            says = f"{had} of history; it needs {name_duration(need)} before it can judge"
            yield Advice(
                level="warning", where=f"checks.{declared.name}", says=says, fix="wait, or shorten window"
            )


def examine_items(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    items = recommender.items
    if items is None or items.table not in opened:
        return
    described = opened[items.table]
    for name in (items.key, items.title, items.launch, *items.features):
        if name is not None and name not in described.columns:
            says = f'table "{items.table}" has no column "{name}"'
            yield Advice(level="error", where="items", says=says, fix=nearest(name, described.columns))
    if items.key not in described.columns:
        return
    known = set(described.fetch(described.rows.select(key=described.rows[items.key].cast("string")))["key"])
    for name, source in opened.items():
        item = source.table.item
        if name == items.table or item is None or item not in source.columns:
            continue
        named = source.rows.group_by(key=source.rows[item].cast("string"))
        seen = source.fetch(named.aggregate(rows=source.rows.count()))
        lost = float(seen.loc[~seen["key"].isin(known), "rows"].sum() / max(seen["rows"].sum(), 1))
        if lost > UNMATCHED_SHARE:
            says = f'{lost:.0%} of its rows name an item that table "{items.table}" does not have'
            fix = "check items.key; items that have left the catalogue since are no fault, but not explained"
            yield Advice(level="warning", where=f"tables.{name}.item", says=says, fix=fix)


def examine_members(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """Missing columns, tables whose members it does not know, and what is not declared about it."""
    members = recommender.members
    if members is None or members.table not in opened:
        return
    described = opened[members.table]
    for name in (members.key, members.joined, *members.features):
        if name is not None and name not in described.columns:
            says = f'table "{members.table}" has no column "{name}"'
            yield Advice(level="error", where="members", says=says, fix=nearest(name, described.columns))
    if members.key not in described.columns:
        return
    known = described.rows.select(__key=described.rows[members.key].cast("string")).distinct()
    for name, source in opened.items():
        member = source.table.member
        if name == members.table or member is None or member not in source.columns:
            continue
        named = source.rows[member].cast("string")
        some = source.fetch(source.rows.select(__key=named).filter(named.notnull()).distinct().limit(SOME))
        found = described.fetch(known.filter(known["__key"].isin(some["__key"].tolist())))
        if len(some) and 1 - len(found) / len(some) > UNMATCHED_SHARE:
            lost = 1 - len(found) / len(some)
            says = f'{lost:.0%} of its members are none that table "{members.table}" has'
            yield Advice(level="warning", where=f"tables.{name}.member", says=says, fix="check members.key")
    if members.joined is None:
        says = "no column says when members joined: new ones are not held against former cohorts"
        yield Advice(level="note", where="members", says=says, fix='name it: joined = "…"')
