"""Requests of one table that a related one lacks, counted in the engine: since the onset, and before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import ibis

from domain.detection.needs import KeptRows, UnmatchedRows
from domain.diagnosis.rerun.presence import Presence
from domain.recommender.options import Beside as OfBeside
from domain.recommender.recommender import Recommender
from workers.declaration.check_kinds import asks
from workers.sources.engines.column_kinds import as_text
from workers.sources.engines.source import TIME, open_source
from workers.sources.logged.served import JoinedTable, joined

MOST = timedelta(hours=2)  # since the onset, and before it
ROUND = timedelta(minutes=5)  # how far apart both rows may be in time


@dataclass(frozen=True)
class Relation:
    """
    Rows of `table` that should also be in `beside`, by the columns `on` (own → its), up to `within` apart;
    `only` names a column that is true for these rows.
    """

    table: str
    beside: str
    on: Mapping[str, str] = field(default_factory=dict)
    within: timedelta = ROUND
    only: str | None = None
    dimensions: tuple[str, ...] = ()


def relations(recommender: Recommender) -> Iterator[Relation]:
    """
    What was ranked and shown belongs in the table of what was shown; likewise any rows that checks look up in
    another table, unless they may come hours later.
    """
    exposure = recommender.exposure
    for model in recommender.models.values():
        if exposure and model.candidates and model.request and model.shown:
            table = recommender.tables[model.candidates]
            on = {model.request: exposure.request}
            yield Relation(model.candidates, exposure.shown, on, ROUND, model.shown, table.dimensions)
    for check in recommender.checks.values():
        if check.table is None or not (asks(check, UnmatchedRows) or asks(check, KeptRows)):
            continue
        options = OfBeside.of(check)
        if options.beside in recommender.tables and options.on:
            names = check.dimensions or recommender.tables[check.table].dimensions
            within = ROUND if check.within is None else check.within
            if within <= MOST:
                yield Relation(check.table, str(options.beside), options.on, within, None, tuple(names))


def present(recommender: Recommender, relation: Relation, since: datetime, end: datetime) -> Presence | None:
    """
    Rows of `relation.table` by slice, and those that found no partner. Null if no time is left.

    Raises:
        SourceError: a table cannot be read, or no single query can see both.
    """
    settled = recommender.tables[relation.beside].settle
    until = min(end - relation.within - settled, since + MOST)
    if until <= since:
        return None
    begin = since - MOST
    with open_source(recommender, relation.table) as source:
        names = tuple(name for name in relation.dimensions if name in source.columns)
        rows = source.between(begin, until)
        if relation.only is not None:
            rows = rows.filter(rows[relation.only].cast("boolean"))
        keys = list(relation.on)
        rows = rows.select(*dict.fromkeys((*keys, *names, TIME))).distinct()
        wide = JoinedTable(relation.beside, begin - relation.within, until + relation.within, relation.on, {})
        rows = joined(recommender, source, rows, wide)
        texts = {name: as_text(rows[name]).fill_null("∅ (not set)") for name in names}
        rows = rows.mutate(
            **texts, __now=rows[TIME] >= ibis.literal(since), __lacks=rows[wide.found].isnull()
        )
        asked = {
            "requests": rows["__now"].sum(),
            "missing": (rows["__now"] & rows["__lacks"]).sum(),
            "requests_before": (~rows["__now"]).sum(),
            "missing_before": (~rows["__now"] & rows["__lacks"]).sum(),
        }
        cells = source.fetch(rows.group_by(names).aggregate(**asked) if names else rows.aggregate(**asked))
    counted = cells.assign(**{name: cells[name].fillna(0).astype(int) for name in asked})
    return Presence(relation.table, relation.beside, counted, names)
