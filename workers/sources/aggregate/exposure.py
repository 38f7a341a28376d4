"""What was shown and chosen, counted in the engine: by item and place, by time, by age, by rank."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd

from domain.answer import Candidate, Miss
from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.exposure import Exposure
from domain.recommender.model import Model
from domain.recommender.options import LowRank
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.sources.aggregate.sliced import equal, in_slice, window_of
from workers.sources.engines.column_kinds import finite
from workers.sources.engines.source import TIME, Source, known_moment, moment, open_beside, open_source

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


RANK, RANKED = "__rank", "__ranked"
BEST = 10  # candidates shown with a miss, besides the chosen one


def ranking_model(recommender: Recommender, check: Check) -> Model:
    """
    The model whose candidates are the check's table.

    Raises:
        SourceError: there is none, or it does not declare its request, item and score.
    """
    table = str(check.table)
    for model in recommender.models.values():
        if model.candidates == table:
            if not (model.request and model.item and (model.score or model.rank)):
                raise SourceError(
                    f'model "{model.name}": does not say which columns of "{table}" are request, item, score'
                )
            return model
    raise SourceError(
        f'check "{check.name}": no model logs its candidates in "{table}"; name a table that one of '
        "[models.NAME] has as candidates"
    )


def low_rank(check: Check, model: Model) -> int:
    """The place below which a choice counts as ranked low: the check's own, else twice a request's places."""
    return LowRank.of(check).low_rank or 2 * model.top


def ranked_choices(
    recommender: Recommender, source: Source, rows: Any, check: Check, start: datetime, end: datetime
) -> Any:
    """
    The chosen candidates among `rows`, with `RANK` (1 is best) and `RANKED` (how many were ranked).

    Raises:
        SourceError: as `ranking_model` and `exposure.declared`.
    """
    model = ranking_model(recommender, check)
    exposure = declared(recommender)
    if exposure.chosen == check.table:
        raise SourceError(f'check "{check.name}": its table is to be the candidates, not what was chosen')
    request, item = str(model.request), str(model.item)
    source.require(request, item)
    rows = rows.mutate(**{RANK: _rank(rows, model), RANKED: _ranked(rows, request)})
    chosen = chosen_beside(recommender, source, start, end)
    return rows.inner_join(chosen, [equal(rows[request], chosen["__r"]), equal(rows[item], chosen["__i"])])


def _rank(rows: Any, model: Model) -> Any:
    if model.rank is not None:
        return rows[model.rank].cast("int64")
    return rank_by_score(rows, model)


def rank_by_score(rows: Any, model: Model) -> Any:
    """The place of each candidate in its request by score, 1 is best."""
    # Ties are broken by item, so that every engine ranks them alike; those without a score come last, as to
    # an engine NaN is the greatest of all.
    order = [ibis.desc(finite(rows[model.score]), nulls_first=False), rows[str(model.item)]]
    best_first = ibis.window(group_by=rows[model.request], order_by=order)
    return ibis.row_number().over(best_first).cast("int64") + 1


def _ranked(rows: Any, request: str) -> Any:
    return rows[request].count().over(ibis.window(group_by=rows[request]))


def lowest_choices(
    recommender: Recommender, check: Check, start: datetime, end: datetime, limit: int, where: Slice = ()
) -> tuple[Miss, ...]:
    """
    The choices of [start, end) that were ranked lowest, at most `limit`, only those below `low_rank`.

    Args:
        where: only those with these values in columns of the check's table.

    Raises:
        SourceError: the tables cannot be read as declared.
    """
    model = ranking_model(recommender, check)
    with open_source(recommender, str(check.table)) as source:
        rows = source.between(start, end)
        found = ranked_choices(recommender, source, rows, check, start, end)
        low = in_slice(recommender, source, found.filter(found[RANK] > low_rank(check, model)), where)
        order = (ibis.desc(low[RANK] / low[RANKED]), low[str(model.request)], low[str(model.item)])
        worst = low.order_by(*order).limit(limit)
        cases = source.fetch(worst)
        if cases.empty:
            return ()
        every = source.between(start, end)
        every = every.mutate(**{RANK: _rank(every, model)})
        beside = every.filter(every[str(model.request)].isin(cases[str(model.request)].unique().tolist()))
        candidates = source.fetch(beside)
    by_request = dict(tuple(candidates.groupby(str(model.request))))
    return tuple(
        _miss(recommender, check, model, row, by_request[row[str(model.request)]])
        for _place, row in cases.iterrows()
    )


def _miss(
    recommender: Recommender, check: Check, model: Model, row: pd.Series, candidates: pd.DataFrame
) -> Miss:
    table = recommender.tables[str(check.table)]
    names = check.dimensions if check.dimensions is not None else table.dimensions
    ordered = candidates.sort_values(RANK)
    shown = ordered[(ordered[RANK] <= BEST) | (ordered[str(model.item)] == row[str(model.item)])]
    return Miss(
        check=check.name,
        at=known_moment(row[TIME]),
        request=str(row[str(model.request)]),
        member=str(row[table.member]) if table.member and pd.notna(row[table.member]) else None,
        item=str(row[str(model.item)]),
        rank=int(row[RANK]),
        ranked=int(row[RANKED]),
        slice=tuple(
            sorted((name, str(row[name])) for name in names if name in row.index and pd.notna(row[name]))
        ),
        model=model.name,
        version=str(row[model.version]) if model.version and pd.notna(row[model.version]) else None,
        candidates=tuple(_candidate(model, one, str(row[str(model.item)])) for _p, one in shown.iterrows()),
    )


def _candidate(model: Model, row: pd.Series, chosen: str) -> Candidate:
    features = {name: _plain(row[name]) for name in model.features if name in row.index}
    return Candidate(
        item=str(row[str(model.item)]),
        rank=int(row[RANK]),
        score=float(row[model.score]) if model.score and pd.notna(row[model.score]) else None,
        shown=bool(row[model.shown]) if model.shown and pd.notna(row[model.shown]) else None,
        chosen=str(row[str(model.item)]) == chosen,
        features=features,
    )


def _plain(value: Any) -> float | str | None:
    """A feature as JSON can hold it; None if it is not set."""
    if value is None or pd.isna(value):
        return None
    return round(float(value), 6) if isinstance(value, int | float) or hasattr(value, "dtype") else str(value)
