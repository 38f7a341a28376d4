"""Which table seems to be made from which: nearly every row of one names a row of the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import duckdb

from workers.scaffold.guess import ID_SHARE, MOST_VALUES, Guess, is_id
from workers.scaffold.profile import SAMPLE_ROWS, named
from workers.scaffold.relate import MATCHED, sample_of
from workers.scaffold.span import moment_sql

ROWS = 2_000  # of a table, looked up in another
BACK_DAYS, AHEAD_DAYS = 8, 1  # where matches may lie: a weekly batch, or rows dated by day
BY_CHANCE = 0.5  # of the rows match another row's item as well: then finding their own proves nothing

Pairs = tuple[tuple[str, str], ...]
"""Columns of a table, each with the column of the other table that holds the same."""


@dataclass(frozen=True)
class Match:
    """The columns by which a table's rows find theirs in another, and the share of rows that do."""

    columns: tuple[str, ...]
    share: float

    @property
    def words(self) -> str:
        """The reason for the guess."""
        return f"{self.share:.1%} of its rows find theirs there by {', '.join(self.columns)}"


def with_upstream(
    connection: duckdb.DuckDBPyConnection, root: Path, tables: Sequence[Guess]
) -> tuple[Guess, ...]:
    """
    The tables, each with those that it seems to be made from: only the nearest of them, as clicks are made
    from impressions, and these from recommendations.
    """
    timed = [one for one in tables if one.span is not None]
    matches: dict[str, dict[str, Match]] = {one.name: {} for one in tables}
    for table, other in permutations(timed, 2):
        if (match := _match(connection, root, table, other)) is not None:
            matches[table.name][other.name] = match
    # If each finds its rows in the other, nothing shows which is made from which.
    found = {
        name: {other: match for other, match in mine.items() if name not in matches[other]}
        for name, mine in matches.items()
    }
    return tuple(_with_nearest(one, found) for one in tables)


def _with_nearest(table: Guess, found: Mapping[str, Mapping[str, Match]]) -> Guess:
    mine = found[table.name]
    nearest = tuple(one for one in mine if not any(one in found[other] for other in mine))
    said = "; ".join(f"{one}: {mine[one].words}" if len(nearest) > 1 else mine[one].words for one in nearest)
    return replace(table, upstream=nearest).because(upstream=said) if nearest else table


def _match(connection: duckdb.DuckDBPyConnection, root: Path, table: Guess, other: Guess) -> Match | None:
    for pairs in _named_by(table, other):
        found, by_chance = _shares(connection, root, table, other, pairs)
        if found >= MATCHED and (len(pairs) == 1 or by_chance <= BY_CHANCE):
            return Match(tuple(own for own, _theirs in pairs), found)
    return None


def _named_by(table: Guess, other: Guess) -> Iterator[Pairs]:
    """Columns by which rows may name rows of the other table: an id that both have, or member and item."""
    both = ((table.member, other.member), (table.item, other.item))
    who_and_what = tuple((own, theirs) for own, theirs in both if own and theirs)
    for name in table.profile.columns:
        if name not in (table.member, table.item) and _names_rows(name, table) and _names_rows(name, other):
            yield (name, name), *who_and_what
    if len(who_and_what) == len(both):
        yield who_and_what


def _names_rows(name: str, table: Guess) -> bool:
    """Whether the column is an id with so many values that each one names one row or a few."""
    column, rows = table.profile.columns.get(name), min(table.profile.rows, SAMPLE_ROWS)
    if column is None or not is_id(column, table.profile.rows):
        return False
    return column.values > max(ID_SHARE * rows, MOST_VALUES)


def _shares(
    connection: duckdb.DuckDBPyConnection, root: Path, table: Guess, other: Guess, pairs: Pairs
) -> tuple[float, float]:
    """
    For rows of `table` from the time that `other` covers: the share that finds its match, and the share that
    matches with the previous row's value in the last of the columns.
    """
    if other.span is None or table.time is None or other.time is None:
        return 0.0, 0.0
    own, theirs = moment_sql(table.profile.columns[table.time]), moment_sql(other.profile.columns[other.time])
    mine, there = (
        ", ".join(f"{named(pair[side])}::VARCHAR AS k{n}" for n, pair in enumerate(pairs)) for side in (0, 1)
    )
    last = f"k{len(pairs) - 1}"
    alike = " AND ".join(f"there.k{n} = mine.k{n}" for n in range(max(len(pairs) - 1, 1)))
    asked = f"""
        WITH named AS (
            SELECT {mine}, {own} AS moment FROM {sample_of(table.name)}
            WHERE {own} BETWEEN ?::TIMESTAMP AND ?::TIMESTAMP AND {named(pairs[-1][0])} IS NOT NULL
        ), mine AS (
            SELECT *, row_number() OVER () AS nth, lag({last}) OVER (ORDER BY moment) AS strange
            FROM (SELECT * FROM named USING SAMPLE reservoir({ROWS} ROWS) REPEATABLE (1))
        ), there AS (
            SELECT {there}, {theirs} AS moment FROM {other.layout.reader(root)}
        ), matched AS (
            SELECT nth, coalesce(bool_or(there.{last} = mine.{last}), false) AS own,
                coalesce(bool_or(there.{last} = mine.strange), false) AS strange
            FROM mine LEFT JOIN there ON {alike} AND there.moment
                BETWEEN mine.moment - INTERVAL {BACK_DAYS} DAY AND mine.moment + INTERVAL {AHEAD_DAYS} DAY
            GROUP BY nth
        )
        SELECT avg(own::INT), avg(strange::INT) FROM matched
    """  # noqa: S608 - names are quoted
    covered = [other.span.first.replace(tzinfo=None), other.span.last.replace(tzinfo=None)]
    found, by_chance = connection.execute(asked, covered).fetchone() or (None, None)
    return float(found or 0.0), float(by_chance or 0.0)
