"""Examines a table's first days as of a moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from domain.answer import BurnIn, Newcomer, Watched
from domain.detection.data.counts import counts_of
from domain.detection.data.newcomer import newcomers
from domain.detection.data.window import DAY, HOUR, Grid, grid_until
from domain.errors import SourceError
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.burn_in.held import broken, held, since, unknown
from workers.burn_in.related import TableProfile, odd_beside
from workers.checks.plan import plan, window_checks
from workers.doctor.tables import examine_table
from workers.sources.aggregate.count import census, count_windows, zone_of
from workers.sources.engines.column_kinds import kind_of
from workers.sources.engines.source import TIME, Source, known_moment, open_source

LOOKED_BACK = timedelta(days=28)
LEAST_WINDOWS = 8  # with rows, before anything that learns from them is judged
LEAST_TIME = DAY  # at least one night has to have been seen
UNKNOWN_SHARE = 0.001
MOST_BESIDE = 12


def burn_in(recommender: Recommender, name: str, at: datetime) -> BurnIn:
    """
    What table `name` holds by `at`, what is odd about it, and what will be watched from when on.

    Raises:
        SourceError: it is not declared, has no time, has no row or no recent one, or cannot be read.
    """
    table = _declared(recommender, name)
    with open_source(recommender, name) as source:
        counted = census(source, at)
        if counted.first is None or counted.last is None:
            raise SourceError(f'table "{name}": it has no row yet')
        first = max(counted.first, at - LOOKED_BACK)
        rows = source.between(first, at)
        own = _seen(recommender, source, first, at)
        if not own.counts.known.any():
            last = f"{counted.last:%d %b %Y}"
            raise SourceError(f'table "{name}": its last row is of {last}, too old to look through')
        grid = own.counts.grid
        through_at = counted.first + max(LEAST_WINDOWS * table.window, LEAST_TIME)
        return BurnIn(
            table=name,
            at=at,
            first=counted.first,
            last=counted.last,
            rows=counted.rows,
            through=through_at <= at,
            through_at=through_at,
            holds=(_flow(own), *held(source, rows)),
            odd=tuple(dict.fromkeys(_odd(recommender, source, rows, own, at))),
            newcomers=(*_columns(source, rows, grid, at), *_values(own, table, at)),
            watched=tuple(_watched(recommender, table, counted.first)),
        )


def _declared(recommender: Recommender, name: str) -> Table:
    table = recommender.tables.get(name)
    if table is None:
        raise SourceError(f'table "{name}" is not declared; {nearest(name, recommender.tables)}')
    if table.time is None:
        raise SourceError(f'table "{name}" declares no time; only what comes in time burns in')
    return table


def _seen(recommender: Recommender, source: Source, first: datetime, at: datetime) -> TableProfile:
    """The table by hour (by day where its windows are longer), from its first row on."""
    table = source.table
    width = HOUR if table.window <= HOUR else DAY
    grid = grid_until(_next(at, width), width, max(at - first, width), zone_of(recommender))
    frame = count_windows(recommender, table.name, grid, dimensions=table.dimensions, ways=1)
    types = {column: kind_of(source.rows[column]) for column in source.columns}
    return TableProfile(table.name, counts_of(frame, grid), types, hourly=width == HOUR)


def _next(at: datetime, width: timedelta) -> datetime:
    """The end of the window that contains `at`."""
    seconds = width.total_seconds()
    return at + timedelta(seconds=-at.timestamp() % seconds)


def _flow(own: TableProfile) -> str:
    total = own.counts.total[own.counts.known]
    unit = "an hour" if own.hourly else "a day"
    low, middle, high = np.quantile(total, (0.0, 0.5, 1.0))
    return f"rows {unit}: {middle:,.0f} usually, {low:,.0f} to {high:,.0f}"


def _odd(
    recommender: Recommender, source: Source, rows: object, own: TableProfile, at: datetime
) -> Iterator[str]:
    table = source.table
    for advice in examine_table(recommender, table.name, at, {}):
        if advice.level in ("warning", "error") and advice.where.startswith("tables."):
            yield advice.says
    for check in recommender.checks.values():
        if check.table == table.name:
            yield from broken(source, rows, check)
    items = recommender.items
    if items is not None and table.item in source.columns and items.table != table.name:
        with open_source(recommender, items.table) as described:
            share = unknown(source, rows, str(table.item), described, items.key)
        if share > UNKNOWN_SHARE:
            yield f"{share:.1%} of its rows name an item that {items.table} does not have"
    others = [one for one in recommender.tables.values() if one.time is not None and one.name != table.name]
    for other in others[:MOST_BESIDE]:
        try:
            with open_source(recommender, other.name) as beside:
                first = max(own.counts.start(0), at - LOOKED_BACK)
                yield from odd_beside(own, _seen(recommender, beside, first, at))
        except SourceError as error:
            yield f"{other.name} could not be held beside it: {error}"


def _columns(source: Source, rows: object, grid: Grid, at: datetime) -> Iterator[Newcomer]:
    """Columns that were first set long after the table began."""
    begun = {name: one for name, one in since(source, rows, TIME).items() if one[0] is not None}
    first = min((known_moment(set_at) for set_at, _share in begun.values()), default=at)
    for name, (set_at, share) in begun.items():
        moment = known_moment(set_at)
        if moment - first > max(LEAST_WINDOWS * grid.width, LEAST_TIME) and share < 1.0:
            through = at - moment >= max(LEAST_WINDOWS * source.table.window, LEAST_TIME)
            yield Newcomer(column=name, since=moment, share=share, through=through)


def _values(own: TableProfile, table: Table, at: datetime) -> Iterator[Newcomer]:
    """Values that first appeared later than the table did."""
    begin = int(own.counts.known.argmax())
    rows = own.counts.rows[begin:]
    if not rows.size:
        return
    firsts = newcomers(rows)
    for place, first in enumerate(firsts):
        where = own.counts.slices[place]
        if first == 0 or len(where) != 1:
            continue
        moment = own.counts.start(begin + int(first))
        total = float(own.counts.total[begin + int(first) :].sum())
        yield Newcomer(
            column=where[0][0],
            value=where[0][1],
            since=moment,
            share=min(1.0, float(rows[:, place].sum()) / max(total, 1.0)),
            through=at - moment >= max(LEAST_WINDOWS * table.window, LEAST_TIME),
        )


def _watched(recommender: Recommender, table: Table, first: datetime) -> Iterator[Watched]:
    for check in window_checks(recommender):
        planned = plan(recommender, check)
        if planned.table.name == table.name:
            since = first + LEAST_WINDOWS * planned.window
            yield Watched(check=check.name, kind=check.kind, since=since, shadow=check.shadow)
