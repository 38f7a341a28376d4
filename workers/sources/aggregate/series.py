"""A metric by window, whole and by slice: aggregated in the engine, and only the values come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from domain.detection.data.counts import NOT_SET
from domain.detection.data.metric import Metric
from domain.detection.data.window import Grid
from domain.detection.judge.series.anomaly_finding import QUANTILE
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.options import Aggregated, Ranking
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.sources.aggregate.sets import WINDOW, Names
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.column_kinds import finite, quantile
from workers.sources.engines.source import Source, open_source

MOST_SERIES = 200  # slices; each is a time series of its own, and people can tell no more apart
VALUE = "__value"
ZERO = ("count", "sum")  # for these, a window without rows is 0, not missing


def series_of(recommender: Recommender, check: Check, grid: Grid, dimensions: Names) -> Metric:
    """
    The check's metric over `grid`, for the whole table and for each value of each of `dimensions`.

    NaN and infinite values of a column do not count. A window without rows is 0 if rows are counted or added
    up, and has no value otherwise; nor has any window before the table's first row.

    Raises:
        SourceError: a column is missing or holds no numbers, or there are more than 200 slices; or as
            `open_source`.
    """
    with open_source(recommender, str(check.table)) as source:
        require_numbers(source, check)
        rows = source.between(grid.start, grid.end)
        rows, kept = windowed(recommender, source, rows, grid, dimensions)
        asked: list[Names] = [(), *((name,) for name in kept)]
        frames = [source.fetch(_aggregated(source, rows, check, names)) for names in asked]
    return metric_from(check, grid, asked, frames)


def metric_from(check: Check, grid: Grid, asked: Sequence[Names], frames: Sequence[pd.DataFrame]) -> Metric:
    """
    Combine frames with `WINDOW` and `VALUE`, one per set of dimensions in `asked`, into one metric.

    Raises:
        SourceError: there are more than 200 slices.
    """
    columns: dict[Slice, np.ndarray] = {}
    for names, frame in zip(asked, frames, strict=True):
        for where, part in _parted(names, frame):
            held = np.full(grid.count, np.nan)
            inside = part[(part[WINDOW] >= 0) & (part[WINDOW] < grid.count)]
            held[inside[WINDOW].to_numpy(dtype=np.int64)] = inside[VALUE].to_numpy(dtype=np.float64)
            columns[where] = np.where(np.isfinite(held), held, np.nan)
    _bounded(check, columns)
    counted = Aggregated.of(check).made(check.measure) in ZERO
    empty = 0.0 if Ranking.of(check).metric is None and counted else np.nan
    return Metric(grid, np.column_stack(list(columns.values())), tuple(columns), empty)


def require_numbers(source: Source, check: Check) -> None:
    """
    Raises SourceError if a column that the check adds up or divides by is missing or holds no numbers.
    """
    for name in (check.measure, Aggregated.of(check).over):
        if name is None:
            continue
        source.require(name)
        kind = source.rows[name].type()
        if not (kind.is_numeric() or kind.is_boolean()):
            raise SourceError(
                f'table "{source.table.name}": column "{name}" holds {kind}, not numbers; name another, '
                "or count rows"
            )


def _aggregated(source: Source, rows: Any, check: Check, names: Names) -> Any:
    """One row per window and slice, with the metric in `VALUE`."""
    keys = Aggregated.of(check)
    wanted = {"measure": check.measure, "over": keys.over}
    inputs = rows.select(WINDOW, *names, **{key: finite(rows[name]) for key, name in wanted.items() if name})
    match keys.made(check.measure):
        case "count":
            value = inputs.count()
        case "sum":
            value = inputs["measure"].sum()
        case "mean":
            value = inputs["measure"].mean()
        case "quantile":
            value = quantile(source, inputs["measure"], keys.quantile or QUANTILE)
        case "ratio":
            value = inputs["measure"].sum() / inputs["over"].sum().nullif(0.0)
    return inputs.group_by(WINDOW, *names).aggregate(**{VALUE: value.cast("float64")})


def _parted(names: Names, frame: pd.DataFrame) -> list[tuple[Slice, pd.DataFrame]]:
    if not names:
        return [((), frame)]
    (name,) = names
    texts = frame[name].astype("string").fillna(NOT_SET)
    return [(((name, str(text)),), part) for text, part in frame.groupby(texts, sort=True)]


def _bounded(check: Check, columns: dict[Slice, np.ndarray]) -> None:
    if len(columns) > MOST_SERIES + 1:
        raise SourceError(
            f'table "{check.table}": {len(columns) - 1:,} slices, more than {MOST_SERIES}; '
            f"name fewer dimensions in [checks.{check.name}], or watch them with kind slice_volume"
        )
