"""Counts rows with something wrong, by window, slice and column, in one pass of the engine."""

from __future__ import annotations

from dataclasses import replace

from domain.detection.data.tally import Tally, tally_of
from domain.detection.data.window import Grid
from domain.detection.judge.state import CheckState
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.sets import ROWS, WINDOW, Names, by_slice
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.source import open_source
from workers.sources.flagged.flags import Flag, FlagRequest


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
