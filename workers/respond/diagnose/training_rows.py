"""Reads what the trainings around the onset took from the tables they learn from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd

from domain.detection.data.counts import NOT_SET
from domain.diagnosis.material import LABELLED, TrainingRows
from domain.recommender.lineage import lineage
from workers.respond.diagnose.reading import Reader
from workers.respond.diagnose.related import fault_of
from workers.sources.engines.column_kinds import as_text
from workers.sources.engines.source import TIME, Source, open_source

TRAININGS = 6  # the newest and those it is compared with
BATCHES = 50  # up to this many moments at which rows were written, each is a training
INSTANT = timedelta(seconds=1)


def training_rows_of(reader: Reader, since: datetime) -> tuple[TrainingRows, ...]:
    """
    Rows of each table that was learned from, by training, up to the window in which the metric broke.
    """
    finding, declared = reader.finding, reader.recommender
    made_from = lineage(declared.tables, declared.models.values())
    learned = frozenset[str]().union(*made_from.learned_from.values())
    names = {finding.table} if finding.table in learned else made_from.taught(finding.table)
    of_a_run = not names and fault_of(declared, finding)[0] == "training_data"
    end = min(reader.at, max(since, finding.window_start) + (finding.window_end - finding.window_start))
    # A table of runs does not say what they learned from: take what was read around the time of the run.
    asked = sorted(learned if of_a_run else names)
    found = [_rows_of(reader, name, end) for name in asked if declared.tables[name].time]
    return tuple(one for one in found if one and not (of_a_run and _is_before(reader, one)))


def _is_before(reader: Reader, one: TrainingRows) -> bool:
    """Whether it was taken a window or more before the finding's run: by another model's training."""
    return one.at < reader.finding.window_start - reader.recommender.tables[one.table].window


def _rows_of(reader: Reader, name: str, end: datetime) -> TrainingRows | None:
    with open_source(reader.recommender, name) as source:
        dimensions = tuple(one for one in source.table.dimensions if one in source.columns)
        spans = _trainings(source, end)
        if not (dimensions and spans):
            return None
        parts = [
            _counted(source, start, until, dimensions).assign(training=place)
            for place, (start, until) in enumerate(spans)
        ]
    return TrainingRows(name, spans[0][0], dimensions, pd.concat(parts, ignore_index=True))


def _counted(source: Source, start: datetime, until: datetime, dimensions: tuple[str, ...]) -> pd.DataFrame:
    """Rows of each combination of dimensions, and how many of them have their label set."""
    rows, label = source.between(start, until), source.table.label
    text: dict[str, Any] = {name: as_text(rows[name]).fill_null(NOT_SET) for name in dimensions}
    rows = rows.mutate(**text)
    amounts: dict[str, Any] = {"rows": rows.count()}
    if label is not None and label in source.columns:
        amounts[LABELLED] = ibis.ifelse(_is_set(rows[label]), 1, 0).sum()
    counts = source.fetch(rows.group_by(list(dimensions)).aggregate(**amounts))
    return counts.astype(dict.fromkeys(amounts, float))


def _is_set(label: Any) -> Any:
    return label if label.type().is_boolean() else label.cast("float64") > 0


def _trainings(source: Source, end: datetime) -> list[tuple[datetime, datetime]]:
    """Trainings, newest first: each moment at which rows were written, or whole windows if these are many."""
    width = source.table.window
    rows = source.between(end - 2 * TRAININGS * width, end)
    moments = source.fetch(rows.select(rows[TIME]).distinct().limit(BATCHES + 1))[TIME]
    if len(moments) > BATCHES:
        return [(end - (n + 1) * width, end - n * width) for n in range(TRAININGS)]
    newest = pd.to_datetime(moments, utc=True).sort_values(ascending=False).head(TRAININGS)
    return [(at.to_pydatetime(), at.to_pydatetime() + INSTANT) for at in newest]
