"""Response times, and features as served and as learned: cut into bins in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pandas as pd

from domain.detection.data.feature_skew import NOT_SET, SET, ServedFeatures
from domain.detection.data.histogram import Bins, Histograms
from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.options import LearnedFrom, Limits, OfColumns
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.histogram import binned, learn_bins
from workers.sources.aggregate.sets import WINDOW, Names
from workers.sources.aggregate.sliced import windowed, with_dimensions
from workers.sources.engines.column_kinds import finite, kind_of
from workers.sources.engines.source import Source, open_source
from workers.sources.logged.served import per_column, served_by

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


PRESENT = "__present"
CUT = ("number", "integer", "text", "boolean")


def fed_rows(recommender: Recommender, check: Check, grid: Grid, dimensions: Names) -> ServedFeatures:
    """
    The check's columns over `grid`, and in all rows of the table that the model learned from.

    Raises:
        SourceError: a column is in only one of the tables, or as `open_source` and `grouped`.
    """
    with (
        open_source(recommender, str(check.table)) as source,
        open_source(recommender, str(LearnedFrom.of(check).learned_from)) as other,
    ):
        columns = features_of(recommender, check, source, other)
        rows, kept = windowed(recommender, source, source.between(grid.start, grid.end), grid, dimensions)
        bins = learn_bins(source, rows, columns, grid)
        cut = [*bins, *(Bins(f"{PRESENT}{name}", labels=(SET, NOT_SET), named=2) for name in columns)]
        served = binned(source, check, grid, _with_presence(rows, columns), kept, cut)
        learned = _learned(recommender, check, other, (columns, kept), cut, grid)
    named = tuple(replace(one, column=one.column.removeprefix(PRESENT)) for one in served.bins)
    return ServedFeatures(replace(served, bins=named), _aligned(served, learned))


def features_of(recommender: Recommender, check: Check, source: Source, other: Source) -> Names:
    """
    The columns to examine: those the check names, else the features of the model whose candidates its table
    is, else all that both tables have.

    Raises:
        SourceError: one is in only one of the tables, or there is none.
    """
    model = served_by(recommender, check)
    named = OfColumns.of(check).columns or (model.features if model else ())
    source.require(*named)
    other.require(*named)
    times = {source.table.time, other.table.time}
    both = [name for name in source.columns if name in other.columns and name not in times]
    columns = tuple(name for name in (named or both) if kind_of(source.rows[name]) in CUT)
    if not columns:
        raise SourceError(
            f'check "{check.name}": tables "{source.table.name}" and "{other.table.name}" have no column in '
            'common that can be compared; add columns = ["…"]'
        )
    return columns


def _with_presence(rows: Any, columns: Names) -> Any:
    return rows.mutate(**{f"{PRESENT}{name}": _presence(rows[name]) for name in columns})


def _presence(column: Any) -> Any:
    kind, absent = kind_of(column), column.isnull()
    if kind == "number":
        absent = absent | column.cast("float64").isnan().fill_null(True)
    elif kind == "text":
        absent = absent | (column == "").fill_null(True)
    return ibis.ifelse(absent, NOT_SET, SET)


def _learned(
    recommender: Recommender,
    check: Check,
    other: Source,
    asked: tuple[Names, Names],
    bins: Sequence[Bins],
    grid: Grid,
) -> Histograms:
    """All rows of the training table, as one window."""
    columns, kept = asked
    rows, _several = with_dimensions(recommender, other, other.rows, kept)
    rows = _with_presence(rows, columns).mutate(**{WINDOW: ibis.literal(0, type="int64")})
    return binned(other, check, replace(grid, count=1), rows, kept, bins)


def _aligned(served: Histograms, learned: Histograms) -> tuple[np.ndarray, ...]:
    """(n_cells, n_bins) for each column, in the order of the served slices; 0 where none was learned."""
    place = {where: at for at, where in enumerate(learned.cells)}
    known = [place.get(where) for where in served.cells]
    aligned = []
    for counts in learned.counts:
        nothing = np.zeros(counts.shape[2])
        aligned.append(np.stack([nothing if at is None else counts[0, at] for at in known]))
    return tuple(aligned)
