"""What the trainings around the onset took of the tables that are learned from."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd

from domain.diagnosis.material import TrainingRows
from domain.recommender.lineage import lineage
from workers.reading import Reader, grouped
from workers.sources.source import TIME, Source, open_source

TRAININGS = 6  # the newest and those it is held against
BATCHES = 50  # moments at which rows were written, up to which each of them is a training
INSTANT = timedelta(seconds=1)


def training_rows_of(reader: Reader, since: datetime) -> tuple[TrainingRows, ...]:
    """
    Rows of each table that was learned from, by training, up to the window in which the metric broke.
    """
    finding, declared = reader.finding, reader.recommender
    made_from = lineage(declared.tables, declared.models.values())
    learned = frozenset[str]().union(*made_from.learned_from.values())
    names = {finding.table} if finding.table in learned else made_from.taught(finding.table)
    end = min(reader.at, max(since, finding.window_start) + (finding.window_end - finding.window_start))
    found = [_rows_of(reader, name, end) for name in sorted(names) if declared.tables[name].time]
    return tuple(one for one in found if one is not None)


def _rows_of(reader: Reader, name: str, end: datetime) -> TrainingRows | None:
    with open_source(reader.recommender, name) as source:
        dimensions = tuple(one for one in source.table.dimensions if one in source.columns)
        spans = _trainings(source, end)
        if not (dimensions and spans):
            return None
        parts = [
            grouped(source, start, until, list(dimensions), None).assign(training=place)
            for place, (start, until) in enumerate(spans)
        ]
    counts = pd.concat(parts, ignore_index=True).rename(columns={"n": "rows"})
    return TrainingRows(name, spans[0][0], dimensions, counts.astype({"rows": float}))


def _trainings(source: Source, end: datetime) -> list[tuple[datetime, datetime]]:
    """The newest first: each moment at which rows were written, or where those are many, whole windows."""
    width = source.table.window
    rows = source.between(end - 2 * TRAININGS * width, end)
    moments = source.fetch(rows.select(rows[TIME]).distinct().limit(BATCHES + 1))[TIME]
    if len(moments) > BATCHES:
        return [(end - (n + 1) * width, end - n * width) for n in range(TRAININGS)]
    newest = pd.to_datetime(moments, utc=True).sort_values(ascending=False).head(TRAININGS)
    return [(at.to_pydatetime(), at.to_pydatetime() + INSTANT) for at in newest]
