"""
Both sides of a ratio by window and cell (a combination of values of all dimensions), in one engine pass.

Slices of any number of dimensions are sums of cells, and so is the intersection of two slices. If there are
too many cells, the smallest values are merged into one, and the result says which.
"""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np

from domain.detection.data.counts import NOT_SET
from domain.detection.data.ratio_cells import DENOMINATOR, NUMERATOR, RatioCells, ratio_cells_of
from domain.detection.data.window import Grid
from domain.recommender.check import Check
from domain.recommender.options import Divided
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.cardinality import refuse_many_valued
from workers.sources.aggregate.series import require_numbers
from workers.sources.aggregate.sets import WINDOW, Names, added_up, grouped
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.column_kinds import finite, separators
from workers.sources.engines.source import Source, open_source

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
