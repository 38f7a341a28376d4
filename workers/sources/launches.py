"""Reads the launch calendar: what a forecast needs from it, and the words for what launches."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import ibis
import pandas as pd

from domain.errors import SourceError
from domain.prediction.calendar import LOOKS, LaunchColumns
from domain.prediction.kind import LAUNCH_FORECAST
from domain.recommender.check import Check
from domain.recommender.model import Launches
from domain.recommender.recommender import Recommender
from workers.sources.engines.source import Source, open_source

MEMORY = timedelta(days=400)
EARLIER = 15
"""Snapshots of one item from before a fault: enough to see how its dry runs scatter."""


def launch_check(recommender: Recommender) -> Check | None:
    """The declared check that looks at the launch calendar."""
    return next((check for check in recommender.checks.values() if check.kind == LAUNCH_FORECAST.name), None)


def columns_of(launches: Launches) -> LaunchColumns:
    """The declared calendar's columns, in the forecast's terms."""
    return LaunchColumns(
        launches.item, launches.snapshot, launches.launch, launches.outcome, tuple(launches.features)
    )


def declared_launches(recommender: Recommender) -> Launches:
    """
    The declared calendar.

    Raises:
        SourceError: there is none.
    """
    if recommender.launches is None:
        raise SourceError("no launch calendar is declared; add [launches]")
    return recommender.launches


def read_launches(recommender: Recommender, at: datetime) -> pd.DataFrame:
    """
    What a forecast needs from the calendar: for each item its last snapshot, its last one at least `lead`
    before the launch, and its outcome; for upcoming launches the last `LOOKS` snapshots. The engine selects
    them, however often the calendar is written.

    Sorted, because engines answer in any order and learning draws by position.
    """
    launches = declared_launches(recommender)
    source, rows = _open(recommender, launches, at)
    early = rows.filter(
        rows[launches.snapshot]
        <= rows[launches.launch] - ibis.interval(seconds=int(launches.lead.total_seconds()))
    )
    ahead = rows.filter(rows[launches.launch] > ibis.literal(at))
    parts = []
    for some, most in (
        (rows, 1),
        (early, 1),
        (rows.filter(rows[launches.outcome].notnull()), 1),
        (ahead, LOOKS),
    ):
        ranked = some.mutate(
            __nth=ibis.row_number().over(group_by=launches.item, order_by=ibis.desc(launches.snapshot))
        )
        parts.append(source.fetch(ranked.filter(ranked["__nth"] < most).drop("__nth")))
    one = [launches.item, launches.snapshot]
    frame = pd.concat(parts, ignore_index=True).drop_duplicates(one)
    return _typed(frame, launches).sort_values(one, ignore_index=True)


def read_earlier(recommender: Recommender, item: str, feature: str, value: str, at: datetime) -> pd.DataFrame:
    """The newest snapshots, at most 15, in which `item` had `feature` at `value`; none if it never had."""
    launches = declared_launches(recommender)
    if feature not in launches.features:
        return pd.DataFrame()
    source, rows = _open(recommender, launches, at)
    rows = rows.filter(rows[launches.item].cast("string") == item, rows[feature].cast("string") == value)
    newest = rows.order_by(ibis.desc(launches.snapshot)).limit(EARLIER)
    return _typed(source.fetch(newest), launches)


def snapshot_of(recommender: Recommender, item: str, at: datetime) -> datetime | None:
    """When the newest snapshot of `item` was taken; null if there is none."""
    launches = declared_launches(recommender)
    source, rows = _open(recommender, launches, at)
    mine = rows.filter(rows[launches.item].cast("string") == item)
    newest = source.fetch(mine.aggregate(at=mine[launches.snapshot].max()))["at"]
    moment = pd.to_datetime(newest, utc=True)[0]
    return None if pd.isna(moment) else moment.floor("us").to_pydatetime()


def _open(recommender: Recommender, launches: Launches, at: datetime) -> tuple[Source, ibis.Table]:
    """The calendar's columns that a forecast needs, up to `at`."""
    source = open_source(recommender, launches.table)
    names = (launches.item, launches.snapshot, launches.launch, launches.outcome, *launches.features)
    source.require(*names)
    rows = source.rows.select(*names)
    return source, rows.filter(
        rows[launches.snapshot] <= ibis.literal(at), rows[launches.launch] > ibis.literal(at - MEMORY)
    )


def _typed(frame: pd.DataFrame, launches: Launches) -> pd.DataFrame:
    times = {name: pd.to_datetime(frame[name], utc=True) for name in (launches.snapshot, launches.launch)}
    return frame.assign(**times, **{launches.item: frame[launches.item].astype(str)})


def titles_of(recommender: Recommender, items: list[str]) -> dict[str, str]:
    """Titles by item; empty if none are declared."""
    declared = recommender.items
    if declared is None or declared.title is None or not items:
        return {}
    source = open_source(recommender, declared.table)
    key = source.rows[declared.key].cast("string")
    found = source.fetch(source.rows.filter(key.isin(items)).select(declared.key, declared.title))
    return dict(zip(found[declared.key].astype(str), found[declared.title].astype(str), strict=True))


def noun_of(recommender: Recommender) -> str:
    """What people call the items: `film_id` makes films, `vacancy_id` vacancies, no such key items."""
    key = recommender.item_key
    stem = key.removesuffix("_id").removesuffix("_key")
    if not stem or stem == key:
        return "items"
    return f"{stem[:-1]}ies" if re.search("[^aeiou]y$", stem) else f"{stem}s"
