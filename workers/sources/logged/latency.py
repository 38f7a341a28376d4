"""Response times by window and slice, in buckets that widen with the time: cut in the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from domain.detection.data.histogram import Bins, Histograms
from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.options import Limits
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.histogram import binned
from workers.sources.aggregate.sets import WINDOW, Names
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.column_kinds import finite, kind_of
from workers.sources.engines.source import Source, open_source
from workers.sources.logged.served import per_column

RATIO = 1.1  # of a bucket's end to its start, at least
MOST_BUCKETS = 96
DECADES = 7.0  # that buckets reach down from the slowest response


def latency_rows(recommender: Recommender, check: Check, grid: Grid, dimensions: Names) -> Histograms:
    """
    The time that each response took, over `grid`; the longest among rows that count once.

    Raises:
        SourceError: the column is missing or holds no numbers, or as `open_source` and `histogram.binned`.
    """
    with open_source(recommender, str(check.table)) as source:
        column, per = str(check.measure), per_column(recommender, check)
        source.require(column, *((per,) if per else ()))
        if kind_of(source.rows[column]) not in ("integer", "number"):
            raise SourceError(
                f'table "{source.table.name}": column "{column}" holds {kind_of(source.rows[column])}, no '
                "time in numbers; name another in measure"
            )
        rows, kept = windowed(recommender, source, source.between(grid.start, grid.end), grid, dimensions)
        rows = rows.mutate(**{column: finite(rows[column])})
        if per is not None:
            rows = rows.group_by(WINDOW, *kept, __per=rows[per]).aggregate(**{column: rows[column].max()})
        bins = [one for one in (buckets(source, rows, check),) if one is not None]
        return binned(source, check, grid, rows, kept, bins)


def buckets(source: Source, rows: Any, check: Check) -> Bins | None:
    """Where the column is cut, with the promised limits among the cuts; None if it holds no time at all."""
    column = str(check.measure)
    timed = rows.filter(rows[column] > 0)
    ends = source.fetch(timed.aggregate(low=timed[column].min(), high=timed[column].max())).iloc[0]
    if pd.isna(ends["low"]):
        return None
    low, high = float(ends["low"]), float(ends["high"])
    low = max(low, high / 10**DECADES)
    steps = min(MOST_BUCKETS, int(np.ceil(np.log(max(high / low, RATIO)) / np.log(RATIO))))
    cuts = np.geomspace(low, max(high, low * RATIO), steps + 1)
    within = [float(f"{cut:.6g}") for cut in cuts[:-1]]
    limits = Limits.of(check).limits.values()
    edges = sorted({0.0, *within, *limits, max(high, low * RATIO, *limits)})
    return Bins(column, edges=tuple(edges))
