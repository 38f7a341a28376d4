"""How tables relate to each other: which one describes the items, and which rows name which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import duckdb

from workers.scaffold.guess import INDEX, ITEM, LAUNCH, MEMBER, MOST_VALUES, NUMBERED, Guess, titled
from workers.scaffold.layout import DELIVERED, Layout, plain
from workers.scaffold.profile import LONG_TEXT, Column, named
from workers.scaffold.span import moment_sql

MATCHED = 0.95  # of the rows have to find the row that they name
FEWEST_KEYS = 5
MOST_FEATURES = 20
MOST_OF_ITEMS = 4  # dimensions that a table takes from its items
MOST_UNSET = 0.2
NOW = "_now"
"""Name suffix for the newest delivery of a table that is delivered whole each day."""


@dataclass(frozen=True)
class Reference:
    """A column whose values are keys of another table, for this share of the rows."""

    column: str
    table: str
    key: str
    matched: float


@dataclass(frozen=True)
class Related:
    """All tables, the one that describes the items (if any), and each table's references."""

    tables: tuple[Guess, ...]
    items: Guess | None
    references: Mapping[str, tuple[Reference, ...]]


def related(connection: duckdb.DuckDBPyConnection, guesses: Iterable[Guess]) -> Related:
    """The tables with their relations; their samples are tables of the connection."""
    tables = list(guesses)
    described = [one for one in tables if one.key and one.time is None]
    deliveries = [made for one in tables if (made := _newest(connection, one)) is not None]
    found: dict[str, tuple[Reference, ...]] = {
        table.name: tuple(_references(connection, table, [*described, *deliveries])) for table in tables
    }
    items = _items(tables, [*described, *deliveries], found)
    if items is not None:
        items = featured(items)
        known = [items if one.name == items.name else one for one in tables]
        tables = [*known, *([items] if items.name.endswith(NOW) else [])]
        tables = [_with_items(one, items, found.get(one.name, ())) for one in tables]
    return Related(tuple(tables), items, found)


def sample_of(table: str) -> str:
    """The name of a table's sample on the connection."""
    return named(f"sample_{table.removesuffix(NOW)}")


def _newest(connection: duckdb.DuckDBPyConnection, guess: Guess) -> Guess | None:
    """The newest delivery of a table that describes every item anew each time; None if it does not."""
    time = guess.profile.columns.get(guess.time or "")
    if time is None or guess.item is None or guess.member is not None:
        return None
    day, item = f"{moment_sql(time)}::DATE", named(guess.item)
    row = connection.execute(
        f"SELECT count(*), count(DISTINCT ({day}, {item})), count(DISTINCT {item}), "  # noqa: S608
        f"max({moment_sql(time)}) FROM {sample_of(guess.name)}"
    ).fetchone()
    rows, pairs, items, _last = row or (0, 0, 0, None)
    if pairs < MATCHED * rows or items > rows / 2:
        return None
    column = named(guess.time or "")
    select = f"SELECT * FROM rows WHERE {column} = (SELECT max({column}) FROM rows)"  # noqa: S608
    return replace(
        guess,
        layout=_renamed(guess.layout, guess.name + NOW),
        time=None,
        span=None,
        key=guess.item,
        item=None,
        title=titled(guess.profile, int(items)),
        select=select,
        why={"key": f"once in each delivery of {guess.name}, of which this is the newest"},
    )


def _renamed(layout: Layout, name: str) -> Layout:
    return replace(layout, name=name)


def _references(
    connection: duckdb.DuckDBPyConnection, table: Guess, described: list[Guess]
) -> Iterable[Reference]:
    for other in described:
        if other.name.removesuffix(NOW) == table.name or other.key is None:
            continue
        matches = [
            Reference(column.name, other.name, other.key, matched)
            for column in table.profile.columns.values()
            if _could_name(column, other) and (matched := _matched(connection, table, column, other)) > 0.5
        ]
        if matches:
            yield max(matches, key=lambda one: (one.column == other.key, one.matched))


def _could_name(column: Column, other: Guess) -> bool:
    """Whether a column can hold keys of `other`: by its name, or by texts that mean nothing else."""
    key = other.profile.columns[str(other.key)]
    if column.held not in ("text", "integer", "other") or column.timelike or column.values < 2:
        return False
    alike = any(one.match(column.name) and one.match(key.name) for one in (ITEM, MEMBER))
    stem = other.name.removesuffix(NOW).rstrip("s")
    if column.name == key.name or alike or (len(stem) > 2 and stem in plain(column.name)):
        return True
    return column.held == key.held == "text" and column.values >= FEWEST_KEYS and column.length <= LONG_TEXT


def _matched(connection: duckdb.DuckDBPyConnection, table: Guess, column: Column, other: Guess) -> float:
    own, key = named(column.name), named(str(other.key))
    row = connection.execute(
        f"SELECT avg(({own}::VARCHAR IN (SELECT {key}::VARCHAR FROM {sample_of(other.name)}))::INT) "  # noqa: S608
        f"FROM {sample_of(table.name)} WHERE {own} IS NOT NULL"
    ).fetchone()
    return float(row[0] or 0.0) if row else 0.0


def _items(
    tables: list[Guess], described: list[Guess], found: Mapping[str, tuple[Reference, ...]]
) -> Guess | None:
    """Which table describes the items: by its key's name, and by how many tables with a time refer to it."""

    def rank(one: Guess) -> tuple[bool, int, bool, int]:
        named_by = sum(
            reference.table == one.name and reference.matched >= MATCHED
            for table in tables
            if table.time
            for reference in found[table.name]
        )
        return bool(ITEM.match(str(one.key))), named_by, one.title is not None, one.profile.rows

    can = [one for one in described if not MEMBER.match(str(one.key))]
    best = max(can, key=rank, default=None)
    if best is None or not (rank(best)[0] or rank(best)[1]):
        return None
    return best


def featured(items: Guess) -> Guess:
    """The item table with its launch date and features, which exclude ids, titles, prose, times and lists."""
    columns = items.profile.columns
    times = [one for one in columns.values() if one.timelike and one.unset <= MOST_UNSET]
    times = [one for one in times if one.name != DELIVERED]
    launch = next((one.name for one in times if LAUNCH.search(one.name)), None)
    left = dict(items.left_out)
    features = []
    for name, column in columns.items():
        if name in (items.key, items.title, launch):
            continue
        if reason := _no_feature(column, items):
            left[name] = reason
        else:
            features.append(name)
    left |= dict.fromkeys(features[MOST_FEATURES:], f"no feature beyond the first {MOST_FEATURES}")
    others = ", ".join(one.name for one in times if one.name != launch)
    why = {"launch": "by its name" + (f"; also times: {others}" if others else "")} if launch else {}
    return replace(
        items,
        launch=launch,
        features=tuple(features[:MOST_FEATURES]),
        left_out={name: said for name, said in left.items() if name not in features[:MOST_FEATURES]},
        why={**items.why, **why},
    )


def _no_feature(column: Column, items: Guess) -> str | None:
    if column.timelike:
        return "a time"
    if INDEX.match(column.name):
        return NUMBERED
    if column.held in ("json", "struct", "other") or (column.held == "list" and column.separator == "␟"):
        return "no single value: no feature as it is"
    if column.length > LONG_TEXT:
        return "prose"
    if column.values < 2:
        return "always the same"
    if column.held in ("text", "integer") and (
        column.unique or (column.held == "text" and column.values > max(items.profile.rows / 2, MOST_VALUES))
    ):
        return f"{column.values:,} values: an id or a title"
    return None


def _with_items(table: Guess, items: Guess, references: tuple[Reference, ...]) -> Guess:
    """A table with its column that names an item, and the item attributes that it can be sliced by."""
    if table.time is None or table.name == items.name:
        return table
    mine = [one for one in references if one.table == items.name]
    if not mine or (table.item is not None and mine[0].column != table.item):
        return table
    reference = mine[0]
    table = replace(table, item=reference.column, left_out=_without(table.left_out, reference.column))
    said = f"{reference.matched:.1%} of its rows find theirs in {items.name}.{items.key}"
    if reference.matched < MATCHED:
        return table.because(item=f"{said}: not sliced by what items have until that is fixed")
    can = [name for name in items.dimensions if name not in table.profile.columns]
    more = tuple(can[:MOST_OF_ITEMS])
    why = {"item": said, **({"of_items": ", ".join(more)} if more else {})}
    return replace(table, dimensions=(*table.dimensions, *more)).because(**why)


def _without(left: Mapping[str, str], column: str) -> dict[str, str]:
    return {name: reason for name, reason in left.items() if name != column}
