"""Deliveries that are kept: between which two of them did one item change?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from workers.sources.source import TIME, Source


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
