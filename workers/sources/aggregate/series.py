"""Metrics and ratios by window and slice: aggregated in the engine, and only the values come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from domain.detection.data.counts import NOT_SET
from domain.detection.data.metric import Metric
from domain.detection.data.ratio_cells import DENOMINATOR, NUMERATOR, RatioCells, ratio_cells_of
from domain.detection.data.window import Grid
from domain.detection.judge.series.anomaly_finding import QUANTILE
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.options import Aggregated, Divided, Ranking
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.sources.aggregate.sets import WINDOW, Names, added_up, grouped, refuse_many_valued
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.column_kinds import finite, quantile, separators
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


MOST_CELLS = 4_000_000  # cells times windows
KEPT_VALUES = (256, 128, 64, 32, 16, 8, 4)  # of a dimension, if not all can have cells of their own
OTHER = "∅ (other values)"


def ratio_cells(recommender: Recommender, check: Check, grid: Grid, dimensions: Names) -> RatioCells:
    """
    The check's ratio over `grid`: the sum of `measure` over the sum of `over`, or, for a mean, over the
    number of rows that have a `measure`. Rows in which either is missing or infinite do not count.

    Raises:
        SourceError: a column is missing or holds no numbers, a dimension has more than 2,000 values, or as
            `open_source` and `grouped`.
    """
    with open_source(recommender, str(check.table)) as source:
        require_numbers(source, check)
        newest = grid.edge(grid.count - 1)
        refuse_many_valued(source, set(dimensions) - set(separators(source)), newest, grid.end)
        rows, kept = windowed(recommender, source, source.between(grid.start, grid.end), grid, dimensions)
        keyed = rows.mutate(**_sides(check, rows)).select(WINDOW, *kept, NUMERATOR, DENOMINATOR)
        keyed, shared = _with_few_cells(source, keyed, kept, grid.count)
        sides = (NUMERATOR, DENOMINATOR)
        (frame,) = grouped(source, keyed, [(WINDOW, *kept)], sides)
    frame = added_up({kept: frame}, [kept], sums=sides)[kept].rename(columns={WINDOW: "window"})
    frame[DENOMINATOR] = frame[DENOMINATOR].clip(lower=0.0)
    return ratio_cells_of(frame, grid, kept, _left_out(set(dimensions) - set(kept), shared))


def _sides(check: Check, rows: Any) -> dict[str, Any]:
    measure = finite(rows[check.measure])
    over = Divided.of(check).over
    base = ibis.literal(1.0) if over is None else finite(rows[over])
    both = measure.notnull() & base.notnull()
    sides = {NUMERATOR: measure, DENOMINATOR: base}
    return {name: ibis.ifelse(both, side, 0.0) for name, side in sides.items()}


def _with_few_cells(
    source: Source, keyed: Any, dimensions: Names, windows: int
) -> tuple[Any, dict[str, tuple[int, int]]]:
    """
    The rows, with the smallest values merged under one name if there are too many cells; dimension → how many
    of how many values are merged.
    """
    if not dimensions:
        return keyed, {}
    key = ibis.literal("").join([keyed[name].fill_null(NOT_SET) for name in dimensions])
    held = {name: keyed[name].approx_nunique() for name in dimensions}
    seen = source.fetch(keyed.aggregate(__cells=key.approx_nunique(), **held)).iloc[0]
    if float(seen["__cells"]) * windows <= MOST_CELLS:
        return keyed, {}
    values = {name: int(seen[name]) for name in dimensions}
    most = next(
        (one for one in KEPT_VALUES if _product(values, one) * windows <= MOST_CELLS), KEPT_VALUES[-1]
    )
    wide = [name for name in dimensions if values[name] > most]
    merged = {}
    for name, frame in zip(
        wide, grouped(source, keyed, [(name,) for name in wide], (DENOMINATOR,)), strict=True
    ):
        ordered = frame.sort_values([DENOMINATOR, name], ascending=[False, True])[name].dropna()
        kept = [str(value) for value in ordered.head(most)]
        keyed = keyed.mutate(**{name: ibis.ifelse(keyed[name].isin(kept), keyed[name], OTHER)})
        merged[name] = (len(ordered) - len(kept), len(ordered))
    return keyed, merged


def _product(values: dict[str, int], most: int) -> float:
    return float(np.prod([min(count, most + 1) for count in values.values()], dtype=float))


def _left_out(several: set[str], shared: dict[str, tuple[int, int]]) -> str | None:
    """What is not examined one by one, in words."""
    says = [f"{name} holds several values in a row" for name in sorted(several)]
    says += [f"the {few:,} smallest of {many:,} values of {name}" for name, (few, many) in shared.items()]
    return f"not looked at one by one: {'; '.join(says)}" if says else None
