"""Deliveries that are kept: which table keeps them, and between which two of them something changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import ibis
import numpy as np
import pandas as pd

from domain.diagnosis.material import Snapshots
from domain.recommender.lineage import lineage
from domain.recommender.recommender import Recommender
from domain.resolution.replays.registry import tables_of
from domain.values import Diagnosis, Finding
from workers.sources.engines.column_kinds import as_text
from workers.sources.engines.source import TIME, Source, open_source

LOOKED_BACK = 60  # deliveries before the onset in which the one that changed a feature is looked for
ITEMS_ASKED = 500  # of the items concerned, at most
MOSTLY = 0.5  # fraction of them that one delivery must have changed
LEAST_CHANGED = 0.05  # of a column's values, that one delivery must change to stand out
LEAST_DELIVERED = 10  # rows per point in time, on average, in a table that is delivered
CLEARLY = 3.0  # times the usual change between deliveries


def delivery_table(recommender: Recommender, finding: Finding | None = None) -> str | None:
    """The table that keeps what each delivery of the items brought; the finding's own, if that does."""
    declared = recommender.items
    own = recommender.tables.get(finding.table) if finding is not None else None
    if own is not None and declared is not None and own.key == declared.key and own.time:
        return own.name
    for replayed in tables_of("deliveries", recommender.hotfixes.values()):
        return replayed
    for name, table in recommender.tables.items():
        if declared and name != declared.table and table.key == declared.key and table.time:
            return name
    return None


def _catalogue(recommender: Recommender, finding: Finding) -> str | None:
    """The same; if no table keeps deliveries, the items' own table, if it may be delivered repeatedly."""
    declared = recommender.items
    if (kept := delivery_table(recommender, finding)) or declared is None:
        return kept
    own = recommender.tables.get(declared.table)
    return own.name if own is not None and own.time and own.key == declared.key else None


def around_fault(
    recommender: Recommender, finding: Finding, found: Diagnosis, at: datetime
) -> Snapshots | None:
    """
    The items before and after the delivery that brought the fault, however many came after it.

    For a finding about one item, the delivery that changed it, or none. For others, the last one up to a
    window after the onset in which most of the items concerned lost the feature at fault, or got another
    value of it; else the first one within that window; else the last before the onset. If all kept
    deliveries came later, the first of them. Null if none is kept from before.
    """
    name, declared = delivery_table(recommender), recommender.items
    if name is None or declared is None:
        return None
    with open_source(recommender, name) as source:
        names = _columns(recommender, source, declared.key, finding)
        if finding.item is not None:
            times = change_of(source, declared.key, finding.item, names[1:], at) if names[1:] else None
        else:
            times = _guilty(source, finding, found, declared.key, at)
        return _taken(source, names, times) if times is not None else None


def _columns(recommender: Recommender, source: Source, key: str, finding: Finding) -> list[str]:
    """The key, the features of items, and what the finding's own table is sliced by."""
    features = recommender.items.features if recommender.items is not None else ()
    own = source.table.dimensions if finding.table == source.table.name else ()
    return [one for one in dict.fromkeys((key, *features, *own)) if one in source.columns]


def _guilty(
    source: Source, finding: Finding, found: Diagnosis, key: str, at: datetime
) -> tuple[datetime, datetime] | None:
    since = min(found.since or finding.window_start, at)
    until = min(since + (finding.window_end - finding.window_start), at)
    kept = [moment for moment in _delivered(source) if moment <= at]
    times = [moment for moment in kept if moment <= until]
    if not times:
        return (kept[0], kept[1]) if len(kept) > 1 else None
    within = [moment for moment in times if moment >= since]
    guilty = _brought(source, key, found, times[-LOOKED_BACK:]) or (within[0] if within else times[-1])
    place = times.index(guilty)
    return (times[place - 1], times[place]) if place > 0 else None


def _brought(source: Source, key: str, found: Diagnosis, times: Sequence[datetime]) -> datetime | None:
    """The last delivery that changed the feature at fault for most items concerned; None if none did."""
    if found.feature is None or found.feature not in source.columns or not found.items or len(times) < 2:
        return None
    rows = source.timed()
    mine = rows.filter(
        rows[TIME] >= ibis.literal(times[0]),
        rows[TIME] <= ibis.literal(times[-1]),
        rows[key].cast("string").isin(list(found.items[:ITEMS_ASKED])),
    )
    taken = source.fetch(mine.select(TIME, key, found.feature))
    values = taken.assign(**{TIME: pd.to_datetime(taken[TIME], utc=True)}).drop_duplicates([TIME, key])
    table = values.pivot(index=TIME, columns=key, values=found.feature).astype("string").sort_index()
    before = table.shift()
    lost = (before.notna() & table.isna()).mean(axis=1)
    differs = (before.notna() & table.notna() & (before != table)).mean(axis=1)
    for changed in (lost, differs):
        most = changed[changed > MOSTLY]
        if len(most):
            return pd.Timestamp(most.index[-1]).to_pydatetime()
    return None


def _delivered(source: Source) -> list[datetime]:
    """The times of all deliveries, in order."""
    rows = source.timed()
    found = source.fetch(rows.select(rows[TIME]).distinct())[TIME].dropna()
    return [moment.to_pydatetime() for moment in sorted(pd.to_datetime(found, utc=True))]


def last_two(
    recommender: Recommender, finding: Finding, since: datetime | None, at: datetime
) -> Snapshots | None:
    """
    The items before and after the last delivery before `since` (None: `at`). For a finding about one item,
    around the delivery that changed it; for one about a column that is delivered, around the one that changed
    the column most. Null if no two are kept.
    """
    declared = recommender.items
    name = _catalogue(recommender, finding)
    if name is None or declared is None:
        return None
    with open_source(recommender, name) as source:
        if name == declared.table and not _is_delivered(source):
            return None
        names = _columns(recommender, source, declared.key, finding)
        times = _times(source, finding, declared.key, names[1:], since, at)
        if times is None:
            return None
        taken = _taken(source, names, times)
        return replace(taken, table=name) if name == finding.table else taken


def feeds_above(
    recommender: Recommender, finding: Finding, since: datetime | None, at: datetime
) -> tuple[Snapshots, ...]:
    """
    The last two deliveries of each feed of items that the finding's table is declared to be made from,
    besides the catalogue's; none for feeds whose rows come one by one.
    """
    declared, catalogue = recommender.items, _catalogue(recommender, finding)
    if declared is None:
        return ()
    found: list[Snapshots] = []
    for name in sorted(lineage(recommender.tables).above(finding.table) - {catalogue, finding.table}):
        table = recommender.tables[name]
        if table.key != declared.key or table.time is None:
            continue
        with open_source(recommender, name) as source:
            names = _columns(recommender, source, declared.key, finding)
            times = _times(source, finding, declared.key, (), since, at) if _is_delivered(source) else None
            if times is not None:
                found.append(replace(_taken(source, names, times), table=name))
    return tuple(found)


def _is_delivered(source: Source) -> bool:
    """Whether many rows share one time."""
    rows = source.timed()
    counted = source.fetch(rows.aggregate(rows=rows.count(), times=rows[TIME].approx_nunique()))
    return bool(counted["rows"].iloc[0] >= LEAST_DELIVERED * counted["times"].iloc[0])


def _taken(source: Source, names: Sequence[str], times: tuple[datetime, datetime]) -> Snapshots:
    rows = source.timed()
    before, after = (
        source.fetch(rows.filter(rows[TIME] == ibis.literal(moment)).select(*names)) for moment in times
    )
    return Snapshots(before, after, times[1], times[0])


def _times(
    source: Source, finding: Finding, key: str, features: Sequence[str], since: datetime | None, at: datetime
) -> tuple[datetime, datetime] | None:
    if finding.item is not None and features:
        changed = change_of(source, key, finding.item, features, at)
        if changed is not None:
            return changed
    limit = since + (finding.window_end - finding.window_start) if since else at
    times = [moment for moment in _delivered(source) if moment <= limit]
    if len(times) < 2:
        return None
    column = next((one for one in features if finding.is_of(one)), None)
    own = finding.table == source.table.name and column is not None
    return (own and _changed_most(source, key, str(column), finding, times)) or (times[-2], times[-1])


def _changed_most(
    source: Source, key: str, column: str, finding: Finding, times: Sequence[datetime]
) -> tuple[datetime, datetime] | None:
    """
    The two neighbouring deliveries between which the column changed far more, for the finding's items, than
    between others: what is found in a window need not have come with its last delivery.
    """
    times = times[-LOOKED_BACK:]
    rows = source.timed()
    held = [as_text(rows[name]) == value for name, value in finding.slice if name in source.columns]
    mine = rows.filter(rows[TIME] >= ibis.literal(times[0]), rows[TIME] <= ibis.literal(times[-1]), *held)
    some = mine.select(key).distinct().order_by(key).limit(ITEMS_ASKED)
    taken = source.fetch(mine.semi_join(some, key).select(TIME, key, column))
    values = taken.assign(**{TIME: pd.to_datetime(taken[TIME], utc=True)}).drop_duplicates([TIME, key])
    change = _changes(values.pivot(index=TIME, columns=key, values=column).sort_index())
    if len(change) < 2 or change.max() < max(LEAST_CHANGED, CLEARLY * float(change.median())):
        return None
    place = int(np.argmax(change.to_numpy()))
    return change.index[place - 1].to_pydatetime(), change.index[place].to_pydatetime()


def _changes(values: pd.DataFrame) -> pd.Series:
    """(n_deliveries,) how much of the items' values changed, 0 to 1; for numbers, relative to their size."""
    before = values.shift()
    if all(map(pd.api.types.is_numeric_dtype, values.dtypes)):
        size = (values.abs() + before.abs()).replace(0, np.nan)
        change = ((values - before).abs() / size).where(values.notna() & before.notna(), 0.0).fillna(0.0)
    else:
        change = (values.astype("string") != before.astype("string")).fillna(value=False).astype(float)
    known = values.notna() | before.notna()
    change = change.where(values.notna() == before.notna(), 1.0).where(known)
    change.iloc[:1] = 0.0
    return change.mean(axis=1).fillna(0.0)


def change_of(
    source: Source, key: str, item: str, features: Sequence[str], at: datetime
) -> tuple[datetime, datetime] | None:
    """
    The last two neighbouring deliveries up to `at` between which `item` lost a feature, or else changed one.

    Null if no kept delivery changed it.
    """
    rows = source.timed()
    mine = rows.filter(rows[key].cast("string") == item).select(rows[TIME], *features)
    taken = source.fetch(mine)
    taken = taken.assign(**{TIME: pd.to_datetime(taken[TIME], utc=True)})
    taken = taken[taken[TIME] <= pd.Timestamp(at)].drop_duplicates(TIME, keep="last").sort_values(TIME)
    values = taken[list(features)].astype("string")
    before = values.shift()
    lost = (before.notna() & values.isna()).any(axis=1)
    differs = (before.notna() & values.notna() & (before != values)).any(axis=1)
    places = lost.to_numpy().nonzero()[0] if lost.any() else differs.to_numpy().nonzero()[0]
    if not len(places):
        return None
    last = int(places[-1])
    first, second = taken[TIME].iloc[last - 1], taken[TIME].iloc[last]
    return first.to_pydatetime(), second.to_pydatetime()
