"""Columns as histograms by window and slice: cut in the engine, at bins learned from all of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from domain.detection.data.histogram import Bins, Histograms, histograms_of
from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.sets import (
    WINDOW,
    Names,
    added_up,
    grouped,
    lengthened,
    sets_of,
    slices_asked,
)
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.column_kinds import (
    HEXADECIMAL,
    digest,
    finite,
    is_finite,
    kind_of,
    looked_at,
    quantile,
)
from workers.sources.engines.source import Source, open_source, united

QUANTILES = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)
WHOLE_TEXTS = 30  # up to so many distinct texts have a bin each
NAMED_TEXTS, GROUPS = 20, 8  # with more texts: the most frequent ones, and groups of the others
BIN, COLUMN = "__bin", "__column"
MOST_CELLS = 20_000_000
MOST_LEARNED = 2_000_000  # rows that quantiles are learned from: an engine has to hold and sort them
RUNS = 8  # of windows, from which those rows come: time ranges, so that engines skip what is between
DIGITS = 12  # of a quantile between two values: engines differ in the last ones
WITHOUT = -1  # the column number of a row that counts all rows


def histogram_rows(
    recommender: Recommender, check: Check, columns: Names, grid: Grid, dimensions: Names
) -> Histograms:
    """
    These columns of the check's table over `grid`, or all columns if none are named. Values that are not set
    or not finite are in no bin.

    Raises:
        SourceError: the table is not as the check needs it, or as `open_source` and `grouped`.
    """
    with open_source(recommender, str(check.table)) as source:
        rows = source.between(grid.start, grid.end)
        bins = learn_bins(source, rows, looked_at(source, columns), grid)
        rows, kept = windowed(recommender, source, rows, grid, dimensions)
        return binned(source, check, grid, rows, kept, bins)


def binned(
    source: Source, check: Check, grid: Grid, rows: Any, kept: Names, bins: Sequence[Bins]
) -> Histograms:
    """
    Rows of `windowed`, cut at `bins`, by the dimensions `kept`.

    Raises:
        SourceError: as `grouped`, or more than twenty million bins of slices.
    """
    cut = {f"__bin{place}": _cut(source, rows[one.column], one) for place, one in enumerate(bins)}
    keyed = rows.select(WINDOW, *kept, **cut)
    asked = slices_asked(source, keyed, kept, check.ways)
    wholes = [(WINDOW, *names) for names in asked]
    sets = [*wholes, *((*whole, name) for name in cut for whole in wholes)]
    frames = grouped(source, keyed, sets)
    parts = {names: _parts(frames[at :: len(asked)], bins) for at, names in enumerate(asked)}
    keep = (COLUMN, BIN)
    long = lengthened(source, added_up(parts, sets_of(kept, check.ways), keep), keep)
    cells = grid.count * len(long[["dim1", "val1", "dim2", "val2"]].drop_duplicates())
    if cells * sum(one.count for one in bins) > MOST_CELLS:
        raise SourceError(
            f'table "{check.table}": more than {MOST_CELLS:,} bins of slices; declare ways = 1, fewer '
            "columns or a shorter history"
        )
    return histograms_of(long.rename(columns={BIN: "bin", COLUMN: "column"}), grid, bins)


def _parts(frames: Sequence[pd.DataFrame], bins: Sequence[Bins]) -> pd.DataFrame:
    """One set's frame of all rows and those of each column, with the number of the column and of the bin."""
    stacked = [frames[0].assign(**{COLUMN: WITHOUT, BIN: 0})]
    for place, (frame, one) in enumerate(zip(frames[1:], bins, strict=True)):
        held = frame.dropna(subset=[f"__bin{place}"])
        number = held[f"__bin{place}"]
        if one.labels and one.named == len(one.labels):
            number = number.astype(str).map({label: at for at, label in enumerate(one.labels)})
        number = number.dropna().astype(np.int64)  # a text that was written after the bins were learned
        held = held.loc[number.index].drop(columns=f"__bin{place}")
        stacked.append(held.assign(**{COLUMN: place}).assign(**{BIN: number}))
    return pd.concat(stacked, ignore_index=True)


def learn_bins(source: Source, rows: Any, columns: Names, grid: Grid) -> list[Bins]:
    """
    Where to cut each column: numbers at their quantiles, texts by their most frequent values.

    Learned from past and present alike, so that what is frequent in one of them by chance is not held against
    the other. Columns of other kinds, and those without any value, are left out.

    Quantiles are exact, because no two engines estimate them alike; with more than two million rows, they
    come from windows evenly spread over `grid`, including the first and the last.
    """
    numeric = [name for name in columns if kind_of(rows[name]) in ("number", "integer")]
    texts = [name for name in columns if kind_of(rows[name]) in ("text", "boolean")]
    bins = {**_edges(source, rows, numeric, grid), **_labels(source, rows, texts)}
    return [bins[name] for name in columns if name in bins]


def _edges(source: Source, rows: Any, columns: list[str], grid: Grid) -> dict[str, Bins]:
    if not columns:
        return {}
    values = {name: finite(rows[name]) for name in columns}
    ends: dict[str, Any] = {"rows": rows.count()}
    for place, value in enumerate(values.values()):
        ends |= {f"low{place}": value.min(), f"high{place}": value.max()}
    whole = source.fetch(rows.aggregate(**ends)).iloc[0]
    some = _spread(source, rows, grid, int(whole["rows"]))
    inner = source.fetch(
        some.aggregate(
            **{
                f"q{place}": quantile(source, finite(some[name]), list(QUANTILES))
                for place, name in enumerate(columns)
            }
        )
    ).iloc[0]
    found = {}
    for place, name in enumerate(columns):
        low, high = whole[f"low{place}"], whole[f"high{place}"]
        if pd.notna(low):
            cuts = [] if inner[f"q{place}"] is None else [_short(one) for one in inner[f"q{place}"]]
            found[name] = Bins(name, edges=tuple(np.unique([float(low), *cuts, float(high)]).tolist()))
    return found


def _short(quantile: float) -> float:
    return float(f"{quantile:.{DIGITS}g}")


def _spread(source: Source, rows: Any, grid: Grid, count: int) -> Any:
    """Not many more than `MOST_LEARNED` of the `count` rows, the same ones in any engine."""
    windows = max(2, MOST_LEARNED * grid.count // max(count, 1))
    if windows >= grid.count:
        return rows
    runs = min(windows, RUNS)
    length = windows // runs
    starts = np.unique(np.linspace(0, grid.count - length, runs).round().astype(int)).tolist()
    return united([source.between(grid.edge(start), grid.edge(start + length)) for start in starts])


def _labels(source: Source, rows: Any, columns: list[str]) -> dict[str, Bins]:
    found = {}
    for name in columns:
        held = rows.select(held=_text(rows[name]))
        counts = held.filter(held["held"].notnull()).group_by("held").aggregate(n=_.count())
        top = source.fetch(counts.order_by(ibis.desc("n"), "held").limit(WHOLE_TEXTS + 1))["held"].astype(str)
        if len(top) > WHOLE_TEXTS:
            others = tuple(f"other values, group {one + 1} of {GROUPS}" for one in range(GROUPS))
            found[name] = Bins(name, labels=(*top[:NAMED_TEXTS], *others), named=NAMED_TEXTS)
        elif len(top):
            found[name] = Bins(name, labels=tuple(top), named=len(top))
    return found


def _text(column: Any) -> Any:
    return column.cast("string").nullif("")


def _group(source: Source, text: Any) -> Any:
    """One of `GROUPS`, by the first digit of a digest, because no two engines hash a text alike."""
    return ibis.literal(HEXADECIMAL).find(digest(source, text).substr(0, 1)) // (len(HEXADECIMAL) // GROUPS)


def _cut(source: Source, column: Any, bins: Bins) -> Any:
    """The bin of each value; for whole texts the text itself."""
    if bins.edges:
        value = column.cast("float64")
        return ibis.ifelse(is_finite(value), _between(value, bins.edges, 0, bins.count), ibis.null("int64"))
    text = _text(column)
    if bins.named == len(bins.labels):
        return text
    group = bins.named + _group(source, text)
    named = [(text == label, ibis.literal(at)) for at, label in enumerate(bins.labels[: bins.named])]
    return ibis.cases((text.isnull(), ibis.null("int64")), *named, else_=group.cast("int64"))


def _between(value: Any, edges: tuple[float, ...], low: int, high: int) -> Any:
    """The number of the bin, found by halving: a value at an inner edge belongs to the bin below it."""
    if high - low <= 1:
        return ibis.literal(low, type="int64")
    middle = (low + high) // 2
    lower, upper = _between(value, edges, low, middle), _between(value, edges, middle, high)
    return ibis.ifelse(value <= edges[middle], lower, upper)
