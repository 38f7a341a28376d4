"""
Counts one table by several sets of dimensions, in one pass over its rows.

The engine is asked only for the largest sets. A total, or a slice of one dimension, is the sum of slices of
two: adding up those few thousand counts here is cheaper than counting every row once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import ibis
import numpy as np
import pandas as pd

from domain.detection.data.counts import NOT_SET
from domain.recommender.several import several
from workers.sources.engines.source import Source, identifier, rows_of, united

WINDOW, ROWS, ABSENT, SECOND = "__window", "__rows", "__absent", "__second"
MOST_IN_COMMON = 60  # values of a dimension, the most frequent ones, that are also counted in pairs
MAX_COUNTS = 6_000_000
UNUSED = -1  # the code for no category

Names = tuple[str, ...]
Parts = dict[Names, pd.DataFrame]
"""By set of dimensions: columns `WINDOW`, one category per dimension, `ROWS`."""


def largest(asked: list[Names]) -> list[Names]:
    """
    The sets that are not contained in another one.

    >>> largest([(), ("a",), ("b",), ("a", "b")])
    [('a', 'b')]
    """
    return [one for one in asked if not any(set(one) < set(other) for other in asked)]


def counted(source: Source, keyed: Any, dimensions: Names, asked: list[Names], *, one_pass: bool) -> Parts:
    """
    `keyed` (columns `WINDOW`, the dimensions as text, and `ROWS` if a measure is added up instead of rows
    counted), counted by every set in `asked`; the engine returns at most `MAX_COUNTS` + 1 counts.

    Args:
        one_pass: whether the engine knows GROUPING SETS.
    """
    sets = largest(asked)
    question = _grouping_sets if one_pass else _united
    expression = question(source, keyed, dimensions, sets)
    wide = source.ask(lambda: coded(source.connection, expression))
    parts: Parts = {}
    for names in sets:
        part = wide.loc[wide[ABSENT] == _absent(names, dimensions), [WINDOW, *names, ROWS]]
        parts[names] = filled(part, names)
    return {names: parts[names] if names in parts else _added_up(parts, names) for names in asked}


def coded(connection: Any, question: Any) -> pd.DataFrame:
    """
    The rows of an expression, or of SQL, as from `source.answer`, but with texts as categories: numbers that
    refer to a list.
    """
    # Ibis would parse all of the SQL only to write it again; it is used where it can fetch an expression.
    written = isinstance(question, str)
    if connection.name == "duckdb":
        sql = question if written else str(connection.compile(question))
        table = connection.con.sql(sql).to_arrow_table()
    else:
        table = connection.to_pyarrow(rows_of(connection, question) if written else question)
    return pd.DataFrame(table.to_pandas(strings_to_categorical=True))


def _grouping_sets(source: Source, keyed: Any, dimensions: Names, sets: list[Names]) -> str:
    """
    GROUPING SETS, which Ibis cannot write, around what it can.

    GROUPING distinguishes a dimension that is not set from one that the row is not about: filling it in
    beforehand would cost a third of the whole pass.
    """
    return grouping_sets(source, keyed, [(WINDOW, *one) for one in sets], ABSENT, order=(WINDOW, *dimensions))


def grouping_sets(
    source: Source, keyed: Any, sets: Sequence[Names], absent: str, sums: Names = (), order: Names = ()
) -> str:
    """
    The SQL of `keyed` grouped by each of `sets`: the columns (in `order`, else as they come), `absent`,
    `ROWS`, and the sums of the columns `sums`. In `absent`, a bit is set for each column that a row is not
    about; the last column's bit is the lowest.
    """
    names = order or tuple(dict.fromkeys(name for one in sets for name in one))
    quoted = {name: identifier(name, source.connection) for name in (*names, absent, ROWS, *sums)}
    columns = ", ".join(quoted[name] for name in names)
    grouping = ", ".join("(" + ", ".join(quoted[name] for name in one) + ")" for one in sets)
    spark = source.connection.name == "pyspark"
    float_type = "DOUBLE" if spark else "DOUBLE PRECISION"
    bits = "GROUPING_ID()" if spark else f"GROUPING({columns})"
    by = f"{columns} GROUPING SETS" if spark else "GROUPING SETS"
    counts = {ROWS: f"SUM({quoted[ROWS]})" if ROWS in keyed.columns else "COUNT(*)"}
    counts |= {name: f"SUM({quoted[name]})" for name in sums}
    casts = ", ".join(f"CAST({count} AS {float_type}) AS {quoted[name]}" for name, count in counts.items())
    return (
        f"SELECT {columns}, {bits} AS {quoted[absent]}, {casts} "  # noqa: S608 - names are quoted
        f"FROM ({source.connection.compile(keyed)}) AS keyed GROUP BY {by} ({grouping}) "
        f"LIMIT {MAX_COUNTS + 1}"
    )


def _united(_source: Source, keyed: Any, dimensions: Names, sets: list[Names]) -> Any:
    """One aggregation per set, all of them from the finest cells, which the engine computes once."""
    cells = by_all(keyed, dimensions)

    def one(names: Names) -> Any:
        part = cells.group_by(WINDOW, *names).aggregate(**{ROWS: cells[ROWS].sum()})
        texts = {name: part[name] if name in names else ibis.null("string") for name in dimensions}
        absent = ibis.literal(_absent(names, dimensions), type="int64")
        return part.select(part[WINDOW], **texts, **{ABSENT: absent, ROWS: part[ROWS].cast("float64")})

    return united([one(names) for names in sets]).limit(MAX_COUNTS + 1)


def by_all(keyed: Any, dimensions: Names) -> Any:
    """The finest cells: by all dimensions at once."""
    count = keyed[ROWS].sum() if ROWS in keyed.columns else keyed.count()
    return keyed.group_by(WINDOW, *dimensions).aggregate(**{ROWS: count})


def _absent(names: Names, dimensions: Names) -> int:
    """GROUPING(window, dimensions) for a row about `names`: a bit for each column that it is not about."""
    return sum(1 << place for place, name in enumerate(reversed(dimensions)) if name not in names)


def filled(part: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Give a dimension that is not set a value of its own, also where some rows spell that value out."""
    spelt = False
    for name in names:
        texts = part[name].astype("category")
        if texts.isna().any():
            spelt |= NOT_SET in texts.cat.categories
            texts = texts.cat.set_categories(texts.cat.categories.union([NOT_SET])).fillna(NOT_SET)
        part = part.assign(**{name: texts})
    return _summed(part, names) if spelt else part


def _added_up(parts: Parts, names: Names) -> pd.DataFrame:
    """The counts of a set, from the counts of one that contains it."""
    finer = next(part for held, part in parts.items() if set(names) <= set(held))
    return _summed(finer, names)


def _summed(part: pd.DataFrame, names: Names) -> pd.DataFrame:
    return part.groupby([WINDOW, *names], observed=True, sort=False)[[ROWS]].sum().reset_index()


def exploded(parts: Parts, separators: dict[str, str]) -> Parts:
    """
    Every set, with a row counted once for each of several values in a dimension, so that slices do not add up
    to their total; and the rows common to two values of such a dimension, with that dimension named twice.

    Args:
        separators: dimension → what separates its several values.
    """
    by_set: Parts = {}
    for names, part in parts.items():
        one_by_one = part
        for name in names:
            if name in separators:
                one_by_one = _one_by_one(one_by_one, name, separators[name])
        by_set[names] = one_by_one if one_by_one is part else _summed(one_by_one, names)
    for name, separator in separators.items():
        if (name,) in parts:
            by_set[name, name] = _in_common(parts[(name,)], by_set[(name,)], name, separator)
    return by_set


def _one_by_one(part: pd.DataFrame, name: str, separator: str) -> pd.DataFrame:
    """Each row once for each value in its text. Each text is split once, not each row's."""
    texts = part[name].cat
    lists = [[value or NOT_SET for value in several(text, separator)] for text in texts.categories]
    values = sorted({value for one in lists for value in one})
    place = {value: at for at, value in enumerate(values)}
    flat = np.array([place[value] for one in lists for value in one], dtype=np.intp)
    lengths = np.array([len(one) for one in lists], dtype=np.intp)
    codes = texts.codes.to_numpy()
    times = lengths[codes]
    rows = np.repeat(np.arange(len(part)), times)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
    chosen = flat[(np.cumsum(lengths) - lengths)[codes][rows] + within]
    return part.iloc[rows].assign(
        **{name: pd.Categorical.from_codes(chosen, dtype=pd.CategoricalDtype(values))}
    )


def _in_common(cells: pd.DataFrame, counts: pd.DataFrame, name: str, separator: str) -> pd.DataFrame:
    """The rows of each pair of values that occur together: columns `WINDOW`, `name`, `SECOND`, `ROWS`."""
    total = counts.groupby(name, observed=True)[ROWS].sum()
    frequent = set(total.nlargest(MOST_IN_COMMON).index)

    def pairs_of(text: str) -> list[tuple[str, str]]:
        return list(combinations(sorted(frequent & set(several(text, separator))), 2))

    pairs = cells[name].astype(object).map({text: pairs_of(text) for text in cells[name].cat.categories})
    together = cells.assign(**{name: pairs}).explode(name).dropna(subset=[name])
    split = pd.DataFrame(together[name].tolist(), columns=[name, SECOND], index=together.index)
    whole = (
        together[[WINDOW, ROWS]].reset_index(drop=True).join(split.reset_index(drop=True).astype("category"))
    )
    if whole.empty:
        whole = pd.DataFrame({WINDOW: [], name: [], SECOND: [], ROWS: []})
        whole = whole.astype({name: "category", SECOND: "category"})
    return _summed(whole, (name, SECOND))


def lengthened(parts: Parts) -> pd.DataFrame:
    """
    All sets one below the other: columns window, dim1, val1, dim2, val2 (categories; null where unused),
    rows.

    Texts are kept as numbers that refer to a common list: as texts, millions of counts would take gigabytes.
    """
    dimensions = sorted({name for names in parts for name in names})
    texts = (part[column].cat.categories for names, part in parts.items() for column in _columns_of(names))
    named = pd.CategoricalDtype(dimensions)
    valued = pd.CategoricalDtype(sorted({value for some in texts for value in some}))
    long = []
    for names, part in parts.items():
        columns: dict[str, Any] = {"window": part[WINDOW].to_numpy(dtype=np.int64)}
        for place in (0, 1):
            used = place < len(names)
            code = dimensions.index(names[place]) if used else UNUSED
            columns[f"dim{place + 1}"] = _all_alike(code, len(part), named)
            columns[f"val{place + 1}"] = (
                part[_columns_of(names)[place]].cat.set_categories(valued.categories).array
                if used
                else _all_alike(UNUSED, len(part), valued)
            )
        long.append(pd.DataFrame({**columns, "rows": part[ROWS].to_numpy(dtype=np.float64)}))
    return pd.concat(long, ignore_index=True)


def _columns_of(names: Names) -> Names:
    return (names[0], SECOND) if len(names) == 2 and names[0] == names[1] else names


def _all_alike(code: int, length: int, kind: pd.CategoricalDtype) -> pd.Categorical:
    return pd.Categorical.from_codes(np.full(length, code, dtype=np.int16), dtype=kind)
