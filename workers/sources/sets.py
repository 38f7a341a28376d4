"""One table counted by several sets of dimensions: asked of the engine in one pass, or rolled up here."""

from __future__ import annotations

from functools import reduce
from typing import Any

import ibis
import numpy as np
import pandas as pd

from workers.sources.source import Source, answer, rows_of

WINDOW, ROWS = "__window", "rows"
MAX_COUNTS = 6_000_000
NOT_SET = "∅ (not set)"


def grouped(
    source: Source, keyed: Any, dimensions: tuple[str, ...], asked: list[tuple[str, ...]]
) -> pd.DataFrame:
    """
    All sets of dimensions in one pass: GROUPING SETS, which Ibis cannot write, around what it can.

    A dimension has no nulls here, so a null says that the row is not about it.
    """
    names = [WINDOW, *dimensions]
    columns = ", ".join(f'"{name}"' for name in names)
    sets = ", ".join("(" + ", ".join(f'"{name}"' for name in (WINDOW, *one)) + ")" for one in asked)
    sql = (
        f'SELECT {columns}, CAST(SUM("{ROWS}") AS DOUBLE PRECISION) AS "{ROWS}" '  # noqa: S608
        f"FROM ({source.connection.compile(keyed)}) AS keyed GROUP BY GROUPING SETS ({sets}) "
        f"LIMIT {MAX_COUNTS + 1}"
    )
    wide: pd.DataFrame = source.ask(lambda: answer(source.connection, rows_of(source.connection, sql)))
    present = wide[list(dimensions)].notna().to_numpy(dtype=bool)
    pattern = present @ (1 << np.arange(len(dimensions), dtype=np.int64))
    parts = []
    for one in asked:
        bits = sum(1 << dimensions.index(name) for name in one)
        part = pd.DataFrame(wide.loc[pattern == bits, [WINDOW, ROWS, *one]])
        for place in (0, 1):
            part[f"dim{place + 1}"] = one[place] if place < len(one) else None
            part[f"val{place + 1}"] = part[one[place]] if place < len(one) else None
        parts.append(part.drop(columns=list(one)))
    return pd.concat(parts, ignore_index=True)


def united(cells: Any, asked: list[tuple[str, ...]]) -> Any:
    """
    One aggregation for each set of dimensions, all of them from the cells, which the engine computes once.
    """

    def one(names: tuple[str, ...]) -> Any:
        counted = cells.group_by(WINDOW, *names).aggregate(**{ROWS: cells[ROWS].sum()})
        text = ibis.null("string")
        columns: dict[str, Any] = {WINDOW: counted[WINDOW]}
        for place in (0, 1):
            used = place < len(names)
            columns[f"dim{place + 1}"] = ibis.literal(names[place]) if used else text
            columns[f"val{place + 1}"] = counted[names[place]] if used else text
        return counted.select(**columns, **{ROWS: counted[ROWS].cast("float64")})

    return reduce(lambda left, right: left.union(right), [one(names) for names in asked])


def rolled_up(cells: pd.DataFrame, asked: list[tuple[str, ...]], exploded: dict[str, str]) -> pd.DataFrame:
    parts = []
    for names in asked:
        part = cells[[WINDOW, *names, ROWS]]
        for name in names:
            if name in exploded:
                part = part.assign(**{name: part[name].str.split(exploded[name], regex=False)}).explode(name)
                part[name] = part[name].replace("", NOT_SET)
        part = part.groupby([WINDOW, *names], observed=True)[[ROWS]].sum().reset_index()
        for place in (0, 1):
            part[f"dim{place + 1}"] = names[place] if place < len(names) else None
            part[f"val{place + 1}"] = part[names[place]] if place < len(names) else None
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
