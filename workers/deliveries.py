"""Deliveries that are kept: which table keeps them, and between which two of them did something change?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis
import pandas as pd

from domain.diagnosis.material import Snapshots
from domain.recommender.recommender import Recommender
from domain.resolution.replays.registry import tables_of
from domain.values import Finding
from workers.sources.source import TIME, Source, open_source


def delivery_table(recommender: Recommender) -> str | None:
    """The table that keeps what each delivery of the items brought."""
    declared = recommender.items
    for replayed in tables_of("deliveries", recommender.hotfixes.values()):
        return replayed
    for name, table in recommender.tables.items():
        if declared and name != declared.table and table.key == declared.key and table.time:
            return name
    return None


def last_two(
    recommender: Recommender, finding: Finding, since: datetime | None, at: datetime
) -> Snapshots | None:
    """
    The items before and after the last delivery that came before `since` (None: `at`); of a finding about
    one item, around the one that changed it. Null where no two are kept.
    """
    name, declared = delivery_table(recommender), recommender.items
    if name is None or declared is None:
        return None
    with open_source(recommender, name) as source:
        names = [one for one in dict.fromkeys((declared.key, *declared.features)) if one in source.columns]
        times = _times(source, finding, declared.key, names[1:], since, at)
        if times is None:
            return None
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
    rows = source.timed()
    found = source.fetch(rows.select(rows[TIME]).distinct())[TIME].dropna()
    limit = since + (finding.window_end - finding.window_start) if since else at
    times = sorted(moment for moment in pd.to_datetime(found, utc=True) if moment <= pd.Timestamp(limit))
    return (times[-2].to_pydatetime(), times[-1].to_pydatetime()) if len(times) > 1 else None


def change_of(
    source: Source, key: str, item: str, features: Sequence[str], at: datetime
) -> tuple[datetime, datetime] | None:
    """
    The last two neighbouring deliveries up to `at` between which `item` lost a feature, or else changed one.

    Null where no kept delivery changed it.
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
