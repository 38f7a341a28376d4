"""
Groups a table's rows in several ways, in one pass if the engine knows GROUPING SETS.

What comes back is counts by window and slice, never rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from domain.detection.data.counts import NOT_SET
from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.cardinality import MAX_VALUES
from workers.sources.aggregate.count import GROUPING_SETS, window_of, with_dimensions
from workers.sources.aggregate.sets import (
    MAX_COUNTS,
    ROWS,
    UNUSED,
    WINDOW,
    Names,
    coded,
    grouping_sets,
    largest,
)
from workers.sources.engines.column_kinds import separators
from workers.sources.engines.source import Source

SET = "__set"
MOST_SETS = 24  # per query: some engines' GROUPING takes only so many columns
FEW_CELLS = 1_000  # of all dimensions at once: up to this many, one grouping asks for all


def windowed(
    recommender: Recommender, source: Source, rows: Any, grid: Grid, dimensions: Names
) -> tuple[Any, Names]:
    """
    Rows with their window's index in `WINDOW` and every dimension as text, and the dimensions.

    Dimensions with several values in one text are left out: a row's fault is not divided among these.
    """
    own = separators(source)
    rows, apart = with_dimensions(
        recommender, source, rows, tuple(name for name in dimensions if name not in own)
    )
    kept = tuple(name for name in dimensions if name not in own and name not in apart)
    return rows.mutate(**{WINDOW: window_of(source, rows, grid)}), kept


def grouped(source: Source, keyed: Any, sets: Sequence[Names], sums: Names = ()) -> list[pd.DataFrame]:
    """
    For each of `sets` (column names) a frame of those columns, `ROWS`, and the sums of the columns `sums`.

    `keyed` counts a row as often as its column `ROWS` says, or once if there is none.

    Raises:
        SourceError: more than six million counts come back.
    """
    chunks = [sets[at : at + MOST_SETS] for at in range(0, len(sets), MOST_SETS)]
    if source.connection.name in GROUPING_SETS:
        frames = [frame for chunk in chunks for frame in _in_one_pass(source, keyed, chunk, sums)]
    else:
        frames = [_alone(source, keyed, names, sums) for names in sets]
    if sum(len(frame) * (1 + len(sums)) for frame in frames) > MAX_COUNTS:
        raise SourceError(
            f'table "{source.table.name}": more than {MAX_COUNTS:,} counts come back; declare fewer '
            "dimensions or columns, ways = 1, or a shorter history"
        )
    return frames


def _in_one_pass(source: Source, keyed: Any, sets: Sequence[Names], sums: Names) -> list[pd.DataFrame]:
    columns = tuple(dict.fromkeys(name for names in sets for name in names))
    question = grouping_sets(source, keyed, sets, SET, sums)
    wide = source.ask(lambda: coded(source.connection, question))
    frames = []
    for names in sets:
        absent = sum(1 << place for place, name in enumerate(reversed(columns)) if name not in names)
        frames.append(wide.loc[wide[SET] == absent, [*names, ROWS, *sums]].reset_index(drop=True))
    return frames


def _alone(source: Source, keyed: Any, names: Names, sums: Names) -> pd.DataFrame:
    count = keyed[ROWS].sum() if ROWS in keyed.columns else keyed.count()
    question = keyed.group_by(*names).aggregate(
        **{ROWS: count.cast("float64")}, **{name: keyed[name].sum().cast("float64") for name in sums}
    )
    return source.ask(lambda: coded(source.connection, question.limit(MAX_COUNTS + 1)))


def slices_asked(source: Source, keyed: Any, dimensions: Names, ways: int) -> tuple[list[Names], list[Names]]:
    """
    All sets of up to `ways` dimensions, and those the engine is asked for: the largest of them, or the one of
    all dimensions if there are few values, which is one grouping instead of many.
    """
    every = [names for size in range(ways + 1) for names in combinations(dimensions, size)]
    asked = largest(every)
    if len(asked) > 1:
        values = source.fetch(keyed.aggregate(**{name: keyed[name].approx_nunique() for name in dimensions}))
        if np.prod(values.to_numpy(dtype=float) + 1) <= FEW_CELLS:
            asked = [dimensions]
    return every, asked


def lengthened(
    source: Source, parts: dict[Names, pd.DataFrame], asked: list[Names], keep: Names, sums: Names
) -> pd.DataFrame:
    """
    Counts of the engine's sets, added up to all sets in `asked`, one below the other.

    Args:
        parts: set of dimensions → its frame, with `WINDOW`, the dimensions, the columns `keep` and the counts
            `sums`.

    Returns:
        Columns window, dim1, val1, dim2, val2 (categories; null where unused), those in `keep`, the counts;
            `ROWS` is called rows.
    """
    parts = {held: part.assign(**{name: _named(part[name]) for name in held}) for held, part in parts.items()}
    texts = {str(text) for held, part in parts.items() for name in held for text in part[name].cat.categories}
    named = pd.CategoricalDtype(sorted({name for held in parts for name in held}))
    valued = pd.CategoricalDtype(sorted(texts))
    frames = []
    for names in asked:
        finer = next(part for held, part in parts.items() if set(names) <= set(held))
        by = [WINDOW, *names, *keep]
        part = finer.groupby(by, observed=True, sort=False)[list(sums)].sum().reset_index()
        many = (name for name in names if len(part[name].cat.categories) > MAX_VALUES)
        if any(part[name].nunique() > MAX_VALUES for name in many):
            raise SourceError(
                f'table "{source.table.name}": one of {", ".join(names)} has more than {MAX_VALUES:,} '
                "values; take it out of dimensions"
            )
        columns: dict[str, Any] = {"window": part[WINDOW]}
        for place in (0, 1):
            used = place < len(names)
            code = list(named.categories).index(names[place]) if used else UNUSED
            columns[f"dim{place + 1}"] = _alike(code, len(part), named)
            columns[f"val{place + 1}"] = (
                part[names[place]].cat.set_categories(valued.categories)
                if used
                else _alike(UNUSED, len(part), valued)
            )
        frames.append(pd.DataFrame({**columns, **{name: part[name] for name in (*keep, *sums)}}))
    return pd.concat(frames, ignore_index=True).rename(columns={ROWS: "rows"})


def _alike(code: int, length: int, kind: pd.CategoricalDtype) -> pd.Categorical:
    return pd.Categorical.from_codes(np.full(length, code, dtype=np.int16), dtype=kind)


def _named(texts: pd.Series) -> pd.Series:
    """A dimension's values; those not set have a name of their own."""
    kind = texts.astype("category")
    if not kind.isna().any():
        return kind
    if NOT_SET not in kind.cat.categories:
        kind = kind.cat.add_categories([NOT_SET])
    return kind.fillna(NOT_SET)
