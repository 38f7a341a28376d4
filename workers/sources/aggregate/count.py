"""Counts rows by window and slice: one pass over the source, and only the counts come back."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from ibis import _

from domain.detection.data.window import Grid
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.cardinality import refuse_many_valued
from workers.sources.aggregate.sets import (
    ROWS,
    WINDOW,
    added_up,
    exploded,
    grouped,
    largest,
    lengthened,
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
