"""When rows arrived: the time bins that hold any, for the whole table and by slice; only these come back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from domain.detection.data.arrivals import Arrivals, Feeds
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.sources.aggregate.cardinality import refuse_many_valued
from workers.sources.aggregate.sliced import seconds_of, with_dimensions
from workers.sources.engines.column_kinds import finite, separators
from workers.sources.engines.source import open_source

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
