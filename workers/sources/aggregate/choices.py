"""What members chose among a model's ranked candidates: how low it ranked, and the lowest in detail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import pandas as pd

from domain.answer import Candidate, Miss
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.model import Model
from domain.recommender.options import LowRank
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.sources.aggregate.exposure import chosen_beside, declared
from workers.sources.aggregate.sliced import equal, in_slice
from workers.sources.engines.column_kinds import finite
from workers.sources.engines.source import TIME, Source, known_moment, open_source

RANK, RANKED, CHOSEN, REQUEST, ITEM = "__rank", "__ranked", "__chosen", "__request", "__item"
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
