"""Counts rows by window and slice, and when they arrived: only the counts come back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from domain.detection.data.arrivals import Arrivals, Feeds
from domain.detection.data.window import Grid
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.sources.aggregate.sets import (
    ROWS,
    WINDOW,
    added_up,
    exploded,
    grouped,
    largest,
    lengthened,
    refuse_many_valued,
    sets_of,
)
from workers.sources.aggregate.sliced import seconds_of, window_of, with_dimensions
from workers.sources.engines.column_kinds import finite, separators
from workers.sources.engines.source import open_source


def count_windows(
    recommender: Recommender,
    name: str,
    grid: Grid,
    *,
    dimensions: tuple[str, ...] = (),
    ways: int = 2,
    measure: str | None = None,
) -> pd.DataFrame:
    """
    Rows of table `name` in each window of `grid`, in total and for each slice of up to `ways` dimensions.

    Args:
        measure: a numeric column to add up instead of counting; NaN and infinite values add nothing.

    Returns:
        Columns window (int: index into the grid), dim1, val1, dim2, val2 (categories; null where unused),
        rows. The total of a window has no dim1. Windows without rows are absent. Null values are the value
        "∅ (not set)".

    Raises:
        SourceError: a dimension has more than 2,000 values, or as `open_source`.
    """
    asked = sets_of(dimensions, ways)
    with open_source(recommender, name) as source:
        rows = source.between(grid.start, grid.end)
        if measure is not None:
            source.require(measure)
        newest = grid.edge(grid.count - 1)
        refuse_many_valued(source, set(dimensions) - set(separators(source)), newest, grid.end)
        rows, apart = with_dimensions(recommender, source, rows, dimensions)
        weight = {} if measure is None else {ROWS: finite(rows[measure]).fill_null(0.0)}
        keyed = rows.mutate(**{WINDOW: window_of(source, rows, grid), **weight})
        keyed = keyed.select(WINDOW, *dimensions, *weight)
        sets = largest(asked)
        frames = grouped(source, keyed, [(WINDOW, *names) for names in sets])
        parts = added_up(dict(zip(sets, frames, strict=True)), asked)
        return lengthened(source, exploded(parts, apart) if apart else parts)


def time_bins(
    recommender: Recommender, name: str, start: datetime, end: datetime, width: timedelta
) -> np.ndarray:
    """
    Starts (unix seconds, sorted, int64) of the bins of `width` in [start, end) that hold at least one row.
    """
    seconds = int(width.total_seconds())
    with open_source(recommender, name) as source:
        rows = source.between(start, end)
        index = (seconds_of(source, rows) / seconds).floor().cast("int64")
        bins = source.fetch(rows.select(bin=index).distinct().order_by(_.bin))
    return bins["bin"].to_numpy(dtype=np.int64) * seconds


MOST_FEEDS = 50  # values of a dimension, those with most rows, that are watched as feeds of their own
BIN, MOMENT, SIZE = "__bin", "__moment", "__size"


def arrivals_in(
    recommender: Recommender,
    name: str,
    start: datetime,
    end: datetime,
    width: timedelta,
    dimensions: tuple[str, ...] = (),
    measure: str | None = None,
) -> Feeds:
    """
    The bins of `width` in [start, end) that hold rows: for the whole table, which is slice (), and for each
    value of each dimension.

    Args:
        measure: a numeric column that says how much a row brings; without one, each row counts once.

    Raises:
        SourceError: a dimension has more than 2,000 values, or as `open_source`.
    """
    seconds = int(width.total_seconds())
    with open_source(recommender, name) as source:
        rows = source.between(start, end)
        if measure is not None:
            source.require(measure)
        refuse_many_valued(source, set(dimensions) - set(separators(source)), start, end)
        rows, apart = with_dimensions(recommender, source, rows, dimensions)
        moment = seconds_of(source, rows)
        rows = rows.mutate(
            **{BIN: (moment / seconds).floor().cast("int64"), MOMENT: moment},
            **{SIZE: 1.0 if measure is None else finite(rows[measure]).fill_null(0.0)},
        )
        whole, *parts = (
            source.fetch(_by(rows, names)) for names in ((), *((dimension,) for dimension in dimensions))
        )
    feeds: dict[Slice, Arrivals] = {(): _arrivals(whole, width, end)}
    for dimension, frame in zip(dimensions, parts, strict=True):
        for value, part in _largest(frame, dimension, apart.get(dimension)):
            feeds[((dimension, value),)] = _arrivals(part, width, end)
    return Feeds(feeds, recommender.zone, recommender.holidays)


def _by(rows: Any, names: tuple[str, ...]) -> Any:
    return rows.group_by(BIN, *names).aggregate(
        first=rows[MOMENT].min(), last=rows[MOMENT].max(), size=rows[SIZE].sum()
    )


def _largest(frame: pd.DataFrame, dimension: str, apart: str | None) -> list[tuple[str, pd.DataFrame]]:
    """The values of a dimension with the most rows, and their bins; several in one text count separately."""
    if apart is not None:
        frame = frame.assign(**{dimension: frame[dimension].astype(str).str.split(apart, regex=False)})
        by = frame.explode(dimension).groupby([dimension, BIN], as_index=False)
        frame = by.agg(first=("first", "min"), last=("last", "max"), size=("size", "sum"))
    rows = frame.groupby(dimension, observed=True)["size"].sum()
    kept = set(rows.nlargest(MOST_FEEDS).index)
    parts = frame[frame[dimension].isin(kept)].groupby(dimension, observed=True)
    return [(str(value), part) for value, part in parts]


def _arrivals(frame: pd.DataFrame, width: timedelta, at: datetime) -> Arrivals:
    ordered = frame.sort_values("first")
    first, last, size = (ordered[name].to_numpy(dtype=np.float64) for name in ("first", "last", "size"))
    return Arrivals(first, last, size, width.total_seconds(), at.timestamp())
