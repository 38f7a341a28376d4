"""Reads what the last windows of the finding's table hold, and of the tables it is made from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from domain.detection.data.window import Grid, grid_until, last_end
from domain.diagnosis.changes.evenly import evenly
from domain.diagnosis.material import Written
from domain.recommender.lineage import lineage
from workers.respond.diagnose.reading import Reader
from workers.sources.aggregate.count import count_windows
from workers.sources.engines.source import open_source

BEFORE = 14  # windows before the onset, which show how regularly they are written
MOST = 60  # windows since then: a table with windows that short is not written in batches


def written_of(reader: Reader, since: datetime) -> tuple[Written, ...]:
    """Each table in the order of the lineage's names, the finding's own first."""
    own, declared = reader.finding.table, reader.recommender
    names = (own, *sorted(lineage(declared.tables).above(own)))
    return tuple(_written(reader, since, names))


def _written(reader: Reader, since: datetime, names: tuple[str, ...]) -> Iterator[Written]:
    declared, zone = reader.recommender, reader.recommender.zone
    for name in names:
        table = declared.tables.get(name)
        if table is None or table.time is None:
            continue
        end = last_end(reader.end, table.window, table.window, zone)
        if timedelta(0) < end - since <= MOST * table.window:
            grid = grid_until(end, table.window, BEFORE * table.window + (end - since), zone)
            edges = tuple(grid.edge(place) for place in range(grid.count + 1))
            yield Written(name, edges, _counts(reader, name, grid, since))


def _counts(reader: Reader, name: str, grid: Grid, since: datetime) -> pd.DataFrame:
    """By slice, of which there are many, only if the whole table comes evenly: else nothing reads them."""
    whole = count_windows(reader.recommender, name, grid)
    before = sum(grid.edge(place + 1) <= since for place in range(grid.count))
    rows = np.zeros(grid.count)
    rows[whole["window"]] = whole["rows"]
    if not evenly(rows[:before], grid.edge(before) - grid.start):
        return _in_words(whole)
    with open_source(reader.recommender, name) as source:
        own = tuple(one for one in source.table.dimensions if one in source.columns)
    ways = min(max(len(reader.finding.slice), 1), 2)
    return _in_words(count_windows(reader.recommender, name, grid, dimensions=own, ways=ways))


def _in_words(counts: pd.DataFrame) -> pd.DataFrame:
    return counts.assign(**{one: counts[one].astype(object) for one in ("dim1", "val1", "dim2", "val2")})
