"""
Examines a table's first days: what doctor finds in it, what its checks would have raised over these days, how
it differs from the tables beside it, and what began to come after its first row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.answer import BurnIn, Newcomer, Watched
from domain.detection.data.counts import counts_of
from domain.detection.data.newcomer import newcomers
from domain.detection.data.window import DAY, HOUR, Grid, grid_until
from domain.errors import SourceError
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.burn_in.related import TableProfile, odd_beside
from workers.checks.backtest import backtest
from workers.checks.plan import Plan, plans_of
from workers.doctor.tables import examine_table
from workers.sources.aggregate.count import count_windows
from workers.sources.aggregate.profile import profile
from workers.sources.engines.column_kinds import kind_of
from workers.sources.engines.source import TIME, Source, known_moment, open_source

LOOKED_BACK = timedelta(days=28)
LEAST_WINDOWS = 8  # with rows, before anything that learns from them is judged
LEAST_TIME = DAY  # at least one night has to have been seen
MOST_BESIDE = 12
MOST_COLUMNS = 60


def burn_in(recommender: Recommender, name: str, at: datetime) -> BurnIn:
    """
    What is odd about table `name` by `at`, what is new in it, and what will be watched from when on.

    Raises:
        SourceError: it is not declared, has no time, has no row or no recent one, or cannot be read.
    """
    table = _declared(recommender, name)
    plans = [planned for planned in plans_of(recommender) if planned.table.name == name]
    with open_source(recommender, name) as source:
        counted = profile(source, at)
        if counted.first is None or counted.last is None:
            raise SourceError(f'table "{name}": it has no row yet')
        first = max(counted.first, at - LOOKED_BACK)
        own = _seen(recommender, source, first, at)
        if not own.counts.known.any():
            last = f"{counted.last:%d %b %Y}"
            raise SourceError(f'table "{name}": its last row is of {last}, too old to look through')
        through_at = counted.first + max(LEAST_WINDOWS * table.window, LEAST_TIME)
        return BurnIn(
            table=name,
            at=at,
            first=counted.first,
            last=counted.last,
            rows=counted.rows,
            through=through_at <= at,
            through_at=through_at,
            odd=tuple(dict.fromkeys(_odd(recommender, own, plans, at))),
            newcomers=(*_columns(source, own.counts.grid, at), *_values(own, table, at)),
            watched=tuple(_watched(plans, counted.first)),
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
    grid = grid_until(_next(at, width), width, max(at - first, width), recommender.zone)
    frame = count_windows(recommender, table.name, grid, dimensions=table.dimensions, ways=1)
    types = {column: kind_of(source.rows[column]) for column in source.columns}
    return TableProfile(table.name, counts_of(frame, grid), types, hourly=width == HOUR)


def _next(at: datetime, width: timedelta) -> datetime:
    """The end of the window that contains `at`."""
    seconds = width.total_seconds()
    return at + timedelta(seconds=-at.timestamp() % seconds)


def _odd(recommender: Recommender, own: TableProfile, plans: Sequence[Plan], at: datetime) -> Iterator[str]:
    for advice in examine_table(recommender, own.name, at, {}):
        if advice.level in ("warning", "error") and advice.where.startswith("tables."):
            yield advice.says
    first = max(own.counts.start(0), at - LOOKED_BACK)
    if plans:
        yield from _raised(recommender, plans, first, at)
    others = [one for one in recommender.tables.values() if one.time is not None and one.name != own.name]
    for other in others[:MOST_BESIDE]:
        try:
            with open_source(recommender, other.name) as beside:
                yield from odd_beside(own, _seen(recommender, beside, first, at))
        except SourceError as error:
            yield f"{other.name} could not be held beside it: {error}"


def _raised(recommender: Recommender, plans: Sequence[Plan], first: datetime, at: datetime) -> Iterator[str]:
    """What the table's checks would have raised, had they run since its first row."""
    own = recommender.model_copy(update={"checks": {one.check.name: one.check for one in plans}})
    try:
        result = backtest(own, first, at)
    except SourceError as error:
        yield str(error)
        return
    for one in result.incidents:
        times = "" if one.findings == 1 else f", in {one.findings} check runs"
        yield f"{one.check}: {one.title}, {one.window_start:%d %b %H:%M} UTC{times}"
    for fault in result.faults:
        yield f"{fault.check}: {fault.says}"


def _columns(source: Source, grid: Grid, at: datetime) -> Iterator[Newcomer]:
    """Columns that were first set long after the table began."""
    rows: Any = source.between(grid.start, at)
    names = [name for name in source.columns if name != source.table.time][:MOST_COLUMNS]
    asked = {f"t{n}": rows[TIME].min(where=rows[name].notnull()) for n, name in enumerate(names)}
    asked |= {f"s{n}": rows[name].notnull().mean() for n, name in enumerate(names)}
    summary: Any = source.fetch(rows.aggregate(**asked)).iloc[0] if names else {}
    begun = {
        name: (known_moment(summary[f"t{n}"]), float(summary[f"s{n}"] or 0.0))
        for n, name in enumerate(names)
        if summary[f"t{n}"] is not None
    }
    first = min((moment for moment, _share in begun.values()), default=at)
    for name, (moment, share) in begun.items():
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


def _watched(plans: Sequence[Plan], first: datetime) -> Iterator[Watched]:
    for planned in plans:
        check, since = planned.check, first + LEAST_WINDOWS * planned.window
        yield Watched(check=check.name, kind=check.kind, since=since, shadow=check.shadow)
