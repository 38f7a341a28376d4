"""
Pairs the rows of a finding's table with those of related ones, by the columns that identify a row.

    the table's standby · what it is made from · the candidates' log        the same rows, or requests
        ▼
    Pair: rows of both from some time before the onset on, and where those without a partner are instead
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd

from domain.detection.needs import MissingValues
from domain.diagnosis.material import Release, Rows
from domain.diagnosis.pairing import AT, SAME_ROWS, Pair, Relation, dimensions_of
from domain.recommender.lineage import lineage
from domain.recommender.planned import Planned
from domain.recommender.recommender import Recommender
from domain.recommender.shared_keys import held_beside, own_keys, shared_keys
from domain.resolution.replays.registry import standby_of
from domain.values import CauseKind, Finding
from workers.declaration.check_kinds import asks, found
from workers.models.logged import Log
from workers.models.registry import released
from workers.respond.diagnose.reading import BACK, Reader, copied_feed, lacking
from workers.sources.aggregate.sliced import in_slice
from workers.sources.engines.column_kinds import as_text
from workers.sources.engines.source import TIME, Source, open_source
from workers.sources.flagged.flags import item_features

MOST_ROWS = 300_000  # per table, when two are compared
LEAST_BEFORE = timedelta(minutes=30)
FURTHEST = timedelta(hours=26)  # a clock that is wrong by a day and an hour is still found
MOST_LOST = 2_000  # requests without a partner that are looked for at other times
MOST_PAIRS = 3
NEW = timedelta(days=1)  # before the onset: an item counts as new if it came out within this
MOST_RELEASES = 20


@dataclass(frozen=True)
class Span:
    """The time that is read around the onset; `covers` is how much of the time since the onset it holds."""

    start: datetime
    end: datetime
    covers: float


def rows_of(reader: Reader, since: datetime) -> Rows | None:
    """Rows of the finding's table with the columns that identify one; null if there are none."""
    keys = own_keys(reader.recommender, reader.finding.table)
    if not keys:
        return None
    with open_source(reader.recommender, reader.finding.table) as source:
        names = tuple(key for key in keys if key in source.columns)
        if len(names) < len(keys):
            return None
        span = _span(reader, source, since)
        return Rows(names, _fetched(source, span, names), span.covers)


def item_feature(reader: Reader) -> bool:
    """Whether the finding is about a feature of items that its table names, not about a column of its own."""
    recommender, finding = reader.recommender, reader.finding
    check = recommender.checks.get(finding.check)
    if check is None or finding.subject is None or not asks(check, MissingValues):
        return False
    with open_source(recommender, finding.table) as source:
        return bool(item_features(recommender, source, (finding.subject,)))


def fault_of(recommender: Recommender, finding: Finding) -> tuple[CauseKind | None, bool]:
    """
    The kind of cause that a finding of this check is in itself, null if it may have any; and whether it may
    be no fault at all.
    """
    check = recommender.checks.get(finding.check)
    kind = found(check.kind) if check is not None else None
    return (kind.fault, kind.benign) if kind is not None else (None, False)


def pairs_of(reader: Reader, since: datetime) -> tuple[Pair, ...]:
    """The finding's table with each related one that shares columns identifying a row, or a request."""
    pairs: list[Pair] = []
    for table, relation in _related(reader.recommender, reader.finding):
        if len(pairs) == MOST_PAIRS:
            break
        pair = reader.attempt(f"`{table}` beside it", partial(_pair, reader, since, table, relation))
        if pair is not None:
            pairs.append(pair)
    return tuple(pairs)


def _related(recommender: Recommender, finding: Finding) -> Iterator[tuple[str, Relation]]:
    """
    Related tables: the standby first, then what its own check looks into, what it is made from, the logs of
    candidates, what any check compares it with, and what shares its requests.
    """
    own, asked, copied = finding.table, lacking(recommender, finding), copied_feed(recommender, finding)
    spare = standby_of(recommender, own)
    if spare is not None:
        yield spare, "standby"
    above = lineage(recommender.tables).above(own)
    logs = [model.candidates for model in recommender.models.values() if model.candidates]
    first = [asked] if asked is not None else []
    held = held_beside(recommender, own)
    for name in dict.fromkeys((*first, *recommender.tables[own].upstream, *logs, *held, *sorted(above))):
        if name not in (own, spare) and name in recommender.tables and recommender.tables[name].time:
            yield name, "copied" if name == copied else "upstream" if name in above else "beside"


def _pair(reader: Reader, since: datetime, table: str, relation: Relation) -> Pair | None:
    recommender, own = reader.recommender, reader.finding.table
    with open_source(recommender, own) as mine, open_source(recommender, table) as theirs:
        names = shared_keys(recommender, own, table, same_rows=relation in SAME_ROWS)
        known = {
            key: other for key, other in names.items() if key in mine.columns and other in theirs.columns
        }
        if not known or len(known) < len(names):
            return None
        span = _span(reader, mine, since)
        keys = tuple(known)
        rows = _fetched(mine, span, keys)
        others = _fetched(theirs, span, tuple(known.values())).rename(
            columns={b: a for a, b in known.items()}
        )
        if relation not in SAME_ROWS:
            # a column that varies within a request is no dimension of it
            steady = dimensions_of(Pair(table, relation, keys, rows, others))
            others = others[[*keys, AT, *steady]].drop_duplicates(list(keys))
        looked_into = table == lacking(recommender, reader.finding)
        rows, others, part = _thinned(keys, rows, others, looked_into)
        moved = _elsewhere(mine, {key: key for key in keys}, rows, others)
        strayed = _elsewhere(theirs, known, others, rows) if looked_into else None
        return Pair(table, relation, keys, rows, others, moved, strayed, span.covers * part)


def _span(reader: Reader, source: Source, since: datetime) -> Span:
    """
    Around the onset, equally long before and after, at least half an hour and two of the finding's windows
    (it may have begun in the one before); and small enough to be held.
    """
    end = max(reader.end, since + timedelta(minutes=1))
    length, window = end - since, reader.finding.window_end - reader.finding.window_start
    before = min(max(length, LEAST_BEFORE, 2 * window), BACK)
    rows = source.between(since - before, end)
    count = int(source.fetch(rows.aggregate(n=rows.count()))["n"][0])
    part = min(1.0, MOST_ROWS / count) if count else 1.0
    return Span(since - part * before, since + part * length, part)


def _fetched(source: Source, span: Span, keys: tuple[str, ...]) -> pd.DataFrame:
    """Keys, time, and dimensions as text."""
    rows = source.between(span.start, span.end)
    names = [one for one in source.table.dimensions if one in source.columns and one not in keys]
    text: dict[str, Any] = {name: as_text(rows[name]).fill_null("") for name in names}
    fetched = source.fetch(rows.mutate(**text).select(*keys, TIME, *names))
    return fetched.rename(columns={TIME: AT}).assign(**{AT: pd.to_datetime(fetched[TIME], utc=True)})


def _thinned(
    keys: tuple[str, ...], mine: pd.DataFrame, theirs: pd.DataFrame, looked_into: bool
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """
    A random share of the requests, so that all those without a partner can be looked for; those of `mine`,
    too, if the finding's check looks into `theirs`.
    """
    first = keys[0]
    lost = _without(first, theirs, mine)
    lost = max(lost, _without(first, mine, theirs)) if looked_into else lost
    if lost <= MOST_LOST:
        return mine, theirs, 1.0
    part = MOST_LOST / lost
    every = pd.concat([mine[first], theirs[first]]).drop_duplicates()
    kept = every.sample(frac=part, random_state=0)
    return mine[mine[first].isin(kept)], theirs[theirs[first].isin(kept)], part


def _without(key: str, rows: pd.DataFrame, others: pd.DataFrame) -> int:
    """How many of the requests have no row in the other table."""
    return int(rows.loc[~rows[key].isin(others[key].unique()), key].nunique())


def _elsewhere(
    source: Source, names: Mapping[str, str], known: pd.DataFrame, rows: pd.DataFrame
) -> pd.DataFrame | None:
    """
    The partners of rows that have none among the `known`, looked for in `source` at any time up to a day and
    an hour away, earlier or later.

    Args:
        names: key → the source's own column.
    """
    keys = list(names)
    lost = rows.merge(known[keys].drop_duplicates(), on=keys, how="left", indicator=True)
    lost = lost[lost["_merge"] == "left_only"]
    if lost.empty:
        return None
    wanted, column = lost[keys[0]].drop_duplicates(), names[keys[0]]
    low, high = rows[AT].min() - FURTHEST, rows[AT].max() + FURTHEST
    there = source.between(low.to_pydatetime(), high.to_pydatetime())
    there = there.filter(there[column].isin(wanted.tolist()))
    fetched = source.fetch(there.select(TIME, **{key: there[own] for key, own in names.items()}))
    return fetched.rename(columns={TIME: AT}).assign(**{AT: pd.to_datetime(fetched[TIME], utc=True)})


def registered(log: Log) -> str | None:
    """The version that the registry of the logged model names."""
    model = log.declared
    return released(model.name, model.registry).version if model.registry is not None else None


def planned_around(reader: Reader, since: datetime) -> tuple[Planned, ...]:
    """Announced events that overlap the time since the onset."""
    return tuple(one for one in reader.recommender.planned if one.since <= reader.end and since <= one.until)


def releases(reader: Reader, since: datetime) -> tuple[Release, ...]:
    """Items that came out around the onset, with their rows in the finding's slice since."""
    declared, own = reader.recommender.items, reader.recommender.tables.get(reader.finding.table)
    if declared is None or declared.launch is None or own is None or own.item is None:
        return ()
    with open_source(reader.recommender, declared.table) as source:
        if declared.launch not in source.columns:
            return ()
        items = source.fetch(source.rows.select(declared.key, declared.launch))
    at = pd.to_datetime(items[declared.launch], utc=True)
    fresh = items[(at > pd.Timestamp(since - NEW)) & (at <= pd.Timestamp(reader.end))]
    if fresh.empty:
        return ()
    names = fresh[declared.key].astype(str).tolist()
    with open_source(reader.recommender, reader.finding.table) as source:
        rows = in_slice(reader.recommender, source, source.between(since, reader.end), reader.finding.slice)
        mine = rows.filter(rows[own.item].cast("string").isin(names))
        counted = source.fetch(mine.group_by(own.item).aggregate(n=mine.count()))
    times = dict(zip(names, at[fresh.index], strict=True))
    top = counted.sort_values("n", ascending=False).head(MOST_RELEASES)
    return tuple(
        Release(str(item), times[str(item)].to_pydatetime(), float(count))
        for item, count in zip(top[own.item], top["n"], strict=True)
    )
