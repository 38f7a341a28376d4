"""Counts what was shown and chosen, in the engine: by item and place, by time, by a launch's age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd

from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.exposure import Exposure
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.sliced import equal, window_of
from workers.sources.engines.source import TIME, Source, moment, open_beside, open_source

ITEM, REQUEST, PLACE, CHANCE, BIN = "item", "__request", "position", "explored", "bin"
TOTAL, OTHERS = "∑", "∑ of others"
MOST_ITEMS = 200_000
MINUTE = timedelta(minutes=1)


def declared(recommender: Recommender) -> Exposure:
    """
    The declared exposure.

    Raises:
        SourceError: there is none, or one of its tables does not say which column is the item.
    """
    exposure = recommender.exposure
    if exposure is None:
        raise SourceError(
            "nothing says what was shown and what was chosen; declare [exposure]: shown, chosen, request"
        )
    for name in (exposure.shown, exposure.chosen):
        if recommender.tables[name].item is None:
            raise SourceError(f'table "{name}": does not say which column is the item; add item = "…"')
    return exposure


def engagement(recommender: Recommender, start: datetime, end: datetime) -> pd.DataFrame:
    """
    Impressions and choices of [start, end).

    Returns:
        Columns item (text), position (1 where none is declared), explored (bool), shown, chosen (counts).

    Raises:
        SourceError: as `declared` and `open_source`; or more than 200,000 items and places.
    """
    exposure = declared(recommender)
    with open_source(recommender, exposure.shown) as source:
        rows = _shown(source, exposure, start, end)
        chosen = chosen_beside(recommender, source, start, end)
        found = joined(rows, chosen)
        counts = found.group_by(
            **{ITEM: found[ITEM].cast("string"), PLACE: found[PLACE], CHANCE: found[CHANCE]}
        ).aggregate(shown=found.count(), chosen=found["__chosen"].sum())
        frame = source.fetch(counts.limit(MOST_ITEMS + 1))
    if len(frame) > MOST_ITEMS:
        raise SourceError(f'table "{exposure.shown}": more than {MOST_ITEMS:,} items and places were shown')
    return frame.astype({"shown": "float64", "chosen": "float64", PLACE: "int64", CHANCE: "bool"})


def first_shown(recommender: Recommender, start: datetime, end: datetime) -> datetime | None:
    """When the log of what was shown begins within [start, end)."""
    with open_source(recommender, declared(recommender).shown) as source:
        rows = source.between(start, end)
        found = source.fetch(rows.aggregate(first=rows[TIME].min()))["first"].iloc[0]
    return moment(found)


def _shown(source: Source, exposure: Exposure, start: datetime, end: datetime) -> Any:
    """The rows shown, with `TIME`, `REQUEST`, `ITEM`, `PLACE` and `CHANCE`."""
    needed = (exposure.request, str(source.table.item), exposure.position, exposure.explored)
    source.require(*(name for name in needed if name))
    rows = source.between(start, end)
    place = rows[exposure.position].cast("int64") if exposure.position else ibis.literal(1, "int64")
    chance = rows[exposure.explored].cast("boolean") if exposure.explored else ibis.literal(False)
    return rows.select(
        **{
            TIME: rows[TIME],
            REQUEST: rows[exposure.request],
            ITEM: rows[str(source.table.item)],
            PLACE: place.fill_null(1),
            CHANCE: chance.fill_null(False),
        }
    )


def chosen_beside(recommender: Recommender, source: Source, start: datetime, end: datetime) -> Any:
    """Each choice of [start, end) once, on the source's own connection: columns `__r` and `__i`."""
    exposure = declared(recommender)
    other = open_beside(recommender, exposure.chosen, source)
    other.require(exposure.request, str(other.table.item))
    if not other.borrowed:
        raise SourceError(
            f'tables "{source.table.name}" and "{exposure.chosen}" are in two places; [exposure] needs them '
            "where one question can see both"
        )
    rows = other.between(start, end)
    return rows.select(__r=rows[exposure.request], __i=rows[str(other.table.item)]).distinct()


def joined(rows: Any, chosen: Any) -> Any:
    """The rows with `__chosen`: 1 if the item was chosen on that request, else 0."""
    found = rows.left_join(chosen, [equal(rows[REQUEST], chosen["__r"]), equal(rows[ITEM], chosen["__i"])])
    return found.mutate(__chosen=ibis.ifelse(found["__r"].notnull(), 1, 0))


def exposure_series(
    recommender: Recommender, items: Sequence[str], start: datetime, end: datetime, width: timedelta
) -> pd.DataFrame:
    """
    (bins × items) impressions in production (without those shown by chance), by bin of `width` from `start`
    on; all items together in the column `TOTAL`.
    """
    exposure = declared(recommender)
    bins = max(int((end - start) / width), 1)
    with open_source(recommender, exposure.shown) as source:
        rows = _shown(source, exposure, start, start + bins * width)
        rows = rows.filter(~rows[CHANCE])
        named = rows[ITEM].cast("string")
        keyed = rows.select(
            **{
                BIN: window_of(source, rows, _grid(start, width, bins)),
                ITEM: ibis.ifelse(named.isin(list(items)), named, OTHERS),
            }
        )
        frame = source.fetch(keyed.group_by(BIN, ITEM).aggregate(shown=keyed.count()))
    wide = frame.pivot_table(index=BIN, columns=ITEM, values="shown", aggfunc="sum", fill_value=0)
    wide = wide.reindex(index=range(bins), columns=[*items, OTHERS], fill_value=0).astype(float)
    wide[TOTAL] = wide.sum(axis=1)
    return wide


def exposure_by_age(
    recommender: Recommender, launches: pd.Series, start: datetime, end: datetime, width: timedelta
) -> pd.DataFrame:
    """
    (launches × bins of age) impressions of all kinds, NaN for ages outside [start, end).

    Args:
        launches: aware times by item.
    """
    exposure = declared(recommender)
    known = pd.DataFrame({"__item": launches.index.astype(str), "__launch": _epoch(launches)})
    bins = int(np.floor((end.timestamp() - known["__launch"].min()) / width.total_seconds()))
    with open_source(recommender, exposure.shown) as source:
        rows = _shown(source, exposure, start, end)
        rows = rows.mutate(**{ITEM: rows[ITEM].cast("string")})
        rows = rows.filter(rows[ITEM].isin(list(known["__item"])))
        minutes = max(int((end - start) / MINUTE), 1)
        minute = window_of(source, rows, _grid(start, MINUTE, minutes))
        frame = source.fetch(rows.group_by(ITEM, __minute=minute).aggregate(shown=rows.count()))
    frame = frame.merge(known, left_on=ITEM, right_on="__item")
    age = (start.timestamp() + frame["__minute"] * 60 - frame["__launch"]) // width.total_seconds()
    frame = frame.assign(age=age.astype(int)).query("age >= 0")
    wide = frame.pivot_table(index=ITEM, columns="age", values="shown", aggfunc="sum", fill_value=0)
    wide = wide.reindex(index=known["__item"], columns=range(max(bins, 1)), fill_value=0).astype(float)
    edges = known["__launch"].to_numpy()[:, None] + np.arange(len(wide.columns)) * width.total_seconds()
    outside = (edges < start.timestamp()) | (edges + width.total_seconds() > end.timestamp())
    return wide.mask(outside)


def items_beside(recommender: Recommender) -> pd.DataFrame:
    """
    The item table, by key (text): title, launch (aware) and features, as far as they are declared.

    Raises:
        SourceError: no items are declared.
    """
    items = recommender.items
    if items is None:
        raise SourceError("no items are declared; add [items] with table and key")
    columns = [name for name in (items.key, items.title, items.launch) if name]
    with open_source(recommender, items.table) as source:
        source.require(*columns)
        features = [name for name in items.features if name in source.columns]
        frame = source.fetch(source.rows.select(*dict.fromkeys((*columns, *features))))
    frame.index = pd.Index(frame[items.key].astype(str), name="item")
    frame = frame[~frame.index.duplicated()]
    if items.launch:
        frame[items.launch] = pd.to_datetime(frame[items.launch], utc=True)
    return frame


def _grid(start: datetime, width: timedelta, count: int) -> Grid:
    return Grid(start, width, count, ((start, 0),), ZoneInfo("UTC"))


def _epoch(times: pd.Series) -> np.ndarray:
    stamps = pd.DatetimeIndex(pd.to_datetime(times, utc=True)).as_unit("s")
    return stamps.asi8.astype(np.float64)
