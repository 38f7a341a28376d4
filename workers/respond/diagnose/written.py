"""What the last windows of the finding's table, and of those that it is made from, hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.detection.data.window import grid_until, last_end
from domain.diagnosis.material import Written
from domain.recommender.lineage import lineage
from workers.respond.diagnose.reading import Reader
from workers.sources.aggregate.count import count_windows, zone_of
from workers.sources.engines.source import open_source

BEFORE = 14  # windows before the onset, by which it is known how evenly they are written
MOST = 60  # windows since then: a table of so short ones is no batch


def written_of(reader: Reader, since: datetime) -> tuple[Written, ...]:
    """Each table in the order of the lineage's names, the finding's own first."""
    own, declared = reader.finding.table, reader.recommender
    names = (own, *sorted(lineage(declared.tables).above(own)))
    return tuple(_written(reader, since, names))


def _written(reader: Reader, since: datetime, names: tuple[str, ...]) -> Iterator[Written]:
    declared, zone = reader.recommender, zone_of(reader.recommender)
    for name in names:
        table = declared.tables.get(name)
        if table is None or table.time is None:
            continue
        end = last_end(reader.end, table.window, table.window, zone)
        if not timedelta(0) < end - since <= MOST * table.window:
            continue
        grid = grid_until(end, table.window, BEFORE * table.window + (end - since), zone)
        with open_source(declared, name) as source:
            dimensions = tuple(one for one in table.dimensions if one in source.columns)
        ways = max(len(reader.finding.slice), 1)
        counts = count_windows(declared, name, grid, dimensions=dimensions, ways=min(ways, 2))
        edges = tuple(grid.edge(place) for place in range(grid.count + 1))
        texts = {one: counts[one].astype(object) for one in ("dim1", "val1", "dim2", "val2")}
        yield Written(name, edges, counts.assign(**texts))
