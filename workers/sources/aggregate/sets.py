"""
Counts one table by several sets of dimensions, in one pass over its rows; only counts come back, never rows.

The engine is asked only for the largest sets. A total, or a slice of one dimension, is the sum of slices of
two: adding up those few thousand counts here is cheaper than counting every row once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import Any

import ibis
import numpy as np
import pandas as pd

from domain.detection.data.counts import NOT_SET
from domain.errors import SourceError
from domain.recommender.several import several
from workers.sources.engines.column_kinds import as_text, separators
from workers.sources.engines.source import Source, identifier, rows_of, united

MAX_VALUES = 2_000
ESTIMATED = 1.1  # the factor by which an estimate may be off


def too_many(table: str, dimension: str, values: int, about: str = "") -> str:
    """
    The message about a dimension with this many values.

    >>> too_many("plays", "track", 2_500)[:66]
    'table "plays": dimension "track" has 2,500 values, more than 2,000'
    """
    return (
        f'table "{table}": dimension "{dimension}" has {about}{values:,} values, more than {MAX_VALUES:,}; '
        "a dimension is for what a person would name, such as country; take this one out"
    )


def values_of(source: Source, dimension: str) -> int:
    """How many values a column has that holds several in one text."""
    separator = separators(source)[dimension]
    texts = source.fetch(source.rows.select(text=as_text(source.rows[dimension])).distinct())["text"].dropna()
    return len({value for text in texts for value in several(text, separator)})


def many_valued(source: Source, dimensions: Iterable[str], start: datetime, end: datetime) -> dict[str, int]:
    """
    Those of `dimensions`, among the table's own columns, that already have too many values in [start, end),
    and about how many. The engine estimates in one pass, without holding the values.
    """
    own = [name for name in dimensions if name in source.columns]
    if not own:
        return {}
    rows = source.between(start, end)
    found = source.fetch(rows.aggregate(**{name: rows[name].approx_nunique() for name in own})).iloc[0]
    return {name: int(found[name]) for name in own if found[name] > ESTIMATED * MAX_VALUES}


def refuse_many_valued(source: Source, dimensions: Iterable[str], start: datetime, end: datetime) -> None:
    """Raises SourceError for the first dimension that already has too many values in [start, end)."""
    for name, values in many_valued(source, dimensions, start, end).items():
        raise SourceError(too_many(source.table.name, name, values, "about "))


WINDOW, ROWS, ABSENT, SECOND = "__window", "__rows", "__absent", "__second"
GROUPING_SETS = ("duckdb", "postgres", "pyspark")  # engines for which grouping sets are written in SQL
MOST_SETS = 24  # per query: some engines' GROUPING takes only so many columns
FEW_CELLS = 1_000  # of all dimensions at once: up to this many, one grouping asks for all
MOST_IN_COMMON = 60  # values of a dimension, the most frequent ones, that are also counted in pairs
MAX_COUNTS = 6_000_000
UNUSED = -1  # the code for no category

Names = tuple[str, ...]
Parts = Mapping[Names, pd.DataFrame]
"""By set of dimensions: columns `WINDOW`, one category per dimension, the counts."""


def sets_of(dimensions: Names, ways: int) -> list[Names]:
    """All sets of up to `ways` of the dimensions."""
    return [names for size in range(ways + 1) for names in combinations(dimensions, size)]


def largest(asked: list[Names]) -> list[Names]:
    """
    The sets that are not contained in another one.

    >>> largest([(), ("a",), ("b",), ("a", "b")])
    [('a', 'b')]
    """
    return [one for one in asked if not any(set(one) < set(other) for other in asked)]


def by_slice(
    source: Source, keyed: Any, dimensions: Names, ways: int, keep: Names = (), sums: Names = ()
) -> pd.DataFrame:
    """`keyed` by every slice of up to `ways` dimensions, as `lengthened`; see there and `grouped`."""
    asked = slices_asked(source, keyed, dimensions, ways)
    frames = grouped(source, keyed, [(WINDOW, *names, *keep) for names in asked], sums)
    parts = dict(zip(asked, frames, strict=True))
    return lengthened(source, added_up(parts, sets_of(dimensions, ways), keep, sums), keep, sums)


def slices_asked(source: Source, keyed: Any, dimensions: Names, ways: int) -> list[Names]:
    """
    The sets that the engine is asked for: the largest of those of up to `ways` dimensions, or the one of all
    dimensions if there are few values, which is one grouping instead of many.
    """
    asked = largest(sets_of(dimensions, ways))
    if len(asked) > 1:
        values = source.fetch(keyed.aggregate(**{name: keyed[name].approx_nunique() for name in dimensions}))
        if np.prod(values.to_numpy(dtype=float) + 1) <= FEW_CELLS:
            return [dimensions]
    return asked


def grouped(source: Source, keyed: Any, sets: Sequence[Names], sums: Names = ()) -> list[pd.DataFrame]:
    """
    For each of `sets` (column names) a frame of those columns, `ROWS`, and the sums of the columns `sums`.

    `keyed` counts a row as often as its column `ROWS` says, or once if there is none.

    Raises:
        SourceError: more than six million counts come back.
    """
    chunks = [sets[at : at + MOST_SETS] for at in range(0, len(sets), MOST_SETS)]
    frames = [frame for chunk in chunks for frame in _in_one_pass(source, keyed, chunk, sums)]
    if sum(len(frame) * (1 + len(sums)) for frame in frames) > MAX_COUNTS:
        raise SourceError(
            f'table "{source.table.name}": more than {MAX_COUNTS:,} counts come back; declare fewer '
            "dimensions or columns, ways = 1, or a shorter history"
        )
    return frames


def _in_one_pass(source: Source, keyed: Any, sets: Sequence[Names], sums: Names) -> list[pd.DataFrame]:
    columns = tuple(dict.fromkeys(name for names in sets for name in names))
    written = _grouping_sets if source.connection.name in GROUPING_SETS else _united
    question = written(source, keyed, columns, sets, sums)
    wide = source.ask(lambda: _coded(source.connection, question))
    return [
        wide.loc[wide[ABSENT] == _absent(names, columns), [*names, ROWS, *sums]].reset_index(drop=True)
        for names in sets
    ]


def _absent(names: Names, columns: Names) -> int:
    """GROUPING(columns) for a row about `names`: a bit for each column that it is not about."""
    return sum(1 << place for place, name in enumerate(reversed(columns)) if name not in names)


def _grouping_sets(source: Source, keyed: Any, columns: Names, sets: Sequence[Names], sums: Names) -> str:
    """
    GROUPING SETS, which Ibis cannot write, around what it can.

    GROUPING distinguishes a dimension that is not set from one that the row is not about: filling it in
    beforehand would cost a third of the whole pass.
    """
    quoted = {name: identifier(name, source.connection) for name in (*columns, ABSENT, ROWS, *sums)}
    listed = ", ".join(quoted[name] for name in columns)
    grouping = ", ".join("(" + ", ".join(quoted[name] for name in one) + ")" for one in sets)
    spark = source.connection.name == "pyspark"
    float_type = "DOUBLE" if spark else "DOUBLE PRECISION"
    bits = "GROUPING_ID()" if spark else f"GROUPING({listed})"
    by = f"{listed} GROUPING SETS" if spark else "GROUPING SETS"
    counts = {ROWS: f"SUM({quoted[ROWS]})" if ROWS in keyed.columns else "COUNT(*)"}
    counts |= {name: f"SUM({quoted[name]})" for name in sums}
    casts = ", ".join(f"CAST({count} AS {float_type}) AS {quoted[name]}" for name, count in counts.items())
    return (
        f"SELECT {listed}, {bits} AS {quoted[ABSENT]}, {casts} "  # noqa: S608 - names are quoted
        f"FROM ({source.connection.compile(keyed)}) AS keyed GROUP BY {by} ({grouping}) "
        f"LIMIT {MAX_COUNTS + 1}"
    )


def _united(_source: Source, keyed: Any, columns: Names, sets: Sequence[Names], sums: Names) -> Any:
    """One aggregation per set, all of them from the finest cells, which the engine computes once."""
    count = keyed[ROWS].sum() if ROWS in keyed.columns else keyed.count()
    cells = keyed.group_by(*columns).aggregate(**{ROWS: count, **{name: keyed[name].sum() for name in sums}})

    def one(names: Names) -> Any:
        counts = {name: cells[name].sum().cast("float64") for name in (ROWS, *sums)}
        part = cells.group_by(*names).aggregate(**counts)
        keys = {name: part[name] if name in names else ibis.null(cells[name].type()) for name in columns}
        absent = ibis.literal(_absent(names, columns), type="int64")
        return part.select(**keys, **{ABSENT: absent}, **{name: part[name] for name in counts})

    return united([one(names) for names in sets]).limit(MAX_COUNTS + 1)


def _coded(connection: Any, question: Any) -> pd.DataFrame:
    """The rows of an expression, or of SQL, with texts as categories: numbers that refer to a list."""
    # Ibis would parse all of the SQL only to write it again; it is used where it can fetch an expression.
    written = isinstance(question, str)
    if connection.name == "duckdb":
        sql = question if written else str(connection.compile(question))
        table = connection.con.sql(sql).to_arrow_table()
    else:
        table = connection.to_pyarrow(rows_of(connection, question) if written else question)
    return pd.DataFrame(table.to_pandas(strings_to_categorical=True))


def added_up(
    parts: Parts, asked: Sequence[Names], keep: Names = (), sums: Names = ()
) -> dict[Names, pd.DataFrame]:
    """
    The counts of every set in `asked`, from those of sets that contain it.

    Args:
        parts: set of dimensions → its frame: `WINDOW`, the dimensions, the columns `keep`, `ROWS` and `sums`.
    """
    held = {names: _named(part, names, keep, sums) for names, part in parts.items()}
    finer = {names: next(one for one in held if set(names) <= set(one)) for names in asked}
    return {
        names: held[names] if names in held else _summed(held[finer[names]], (*names, *keep), sums)
        for names in asked
    }


def _named(part: pd.DataFrame, names: Names, keep: Names, sums: Names) -> pd.DataFrame:
    """Give a dimension that is not set a value of its own, also where some rows spell that value out."""
    spelt = False
    for name in names:
        texts = part[name].astype("category")
        if texts.isna().any():
            spelt |= NOT_SET in texts.cat.categories
            texts = texts.cat.set_categories(texts.cat.categories.union([NOT_SET])).fillna(NOT_SET)
        part = part.assign(**{name: texts})
    return _summed(part, (*names, *keep), sums) if spelt else part


def _summed(part: pd.DataFrame, names: Names, sums: Names = ()) -> pd.DataFrame:
    return part.groupby([WINDOW, *names], observed=True, sort=False)[[ROWS, *sums]].sum().reset_index()


def exploded(parts: Parts, separators: dict[str, str]) -> dict[Names, pd.DataFrame]:
    """
    Every set, with a row counted once for each of several values in a dimension, so that slices do not add up
    to their total; and the rows common to two values of such a dimension, with that dimension named twice.

    Args:
        separators: dimension → what separates its several values.
    """
    by_set: dict[Names, pd.DataFrame] = {}
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


def lengthened(source: Source, parts: Parts, keep: Names = (), sums: Names = ()) -> pd.DataFrame:
    """
    All sets one below the other: columns window, dim1, val1, dim2, val2 (categories; null where unused),
    those in `keep`, rows, and the counts `sums`.

    Texts are kept as numbers that refer to a common list: as texts, millions of counts would take gigabytes.

    Raises:
        SourceError: a dimension has more than 2,000 values.
    """
    for names, part in parts.items():
        if len(names) == 1 and (values := part[names[0]].nunique()) > MAX_VALUES:
            raise SourceError(too_many(source.table.name, names[0], values))
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
        columns |= {name: part[name].to_numpy() for name in (*keep, *sums)}
        long.append(pd.DataFrame({**columns, "rows": part[ROWS].to_numpy(dtype=np.float64)}))
    return pd.concat(long, ignore_index=True)


def _columns_of(names: Names) -> Names:
    return (names[0], SECOND) if len(names) == 2 and names[0] == names[1] else names


def _all_alike(code: int, length: int, kind: pd.CategoricalDtype) -> pd.Categorical:
    return pd.Categorical.from_codes(np.full(length, code, dtype=np.int16), dtype=kind)
