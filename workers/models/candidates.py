"""Draws logged requests with their candidates: from all, or, in a log by slice, half from the slice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.inclusion import require_probabilities
from domain.diagnosis.material import RANKED_AT
from domain.diagnosis.replay import CandidateColumns
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.sources.engines.column_kinds import rows_in
from workers.sources.engines.source import TIME, Source, open_source

REQUESTS = 1_500


def read_candidates(
    recommender: Recommender,
    table: str,
    columns: CandidateColumns,
    span: tuple[datetime, datetime],
    where: Slice,
    seed: int,
) -> pd.DataFrame:
    """
    Candidates of at most 1,500 requests in the span [start, end), chosen by the seed.

    If the log gives each request's probability of having been logged, half of the requests, or as many as
    exist, have a candidate in the slice `where`; the column then holds the probability of having been logged
    and drawn.

    Raises:
        SourceError: a column is missing; a probability is missing, 0 or less, or above 1.
    """
    with open_source(recommender, table) as source:
        source.require(columns.request, columns.item, columns.score, *columns.features)
        rows = source.between(*span)
        if columns.inclusion is None:
            known = source.fetch(rows.select(columns.request).distinct())[columns.request]
            ordered = known.sort_values()
            if len(ordered) > REQUESTS:
                ordered = ordered.sample(REQUESTS, random_state=seed)
            return _fetch(recommender, source, rows, columns, ordered.tolist())
        chances = _drawn(source, rows, columns, where, seed)
        found = _fetch(recommender, source, rows, columns, chances.index.tolist())
        return found.assign(**{columns.inclusion: found[columns.request].map(chances)})


def _fetch(
    recommender: Recommender, source: Source, rows: Any, columns: CandidateColumns, requests: Sequence[object]
) -> pd.DataFrame:
    features = recommender.items.features if recommender.items else ()
    wanted = (
        columns.request, columns.item, columns.score, columns.member, columns.propensity, columns.shown,
        columns.version, *columns.features, *features, *source.table.dimensions,
    )  # fmt: skip
    names = [name for name in dict.fromkeys(wanted) if name and name in source.columns]
    picked = rows.filter(rows[columns.request].isin(requests))
    return source.fetch(picked.select(*names, **{RANKED_AT: picked[TIME]}))


def _drawn(source: Source, rows: Any, columns: CandidateColumns, where: Slice, seed: int) -> pd.Series:
    """Request → the probability that it was logged and then drawn here, for those that are drawn."""
    request, inclusion = columns.request, str(columns.inclusion)
    known = logged_chances(source, rows, request, inclusion)
    own = tuple(pair for pair in where if pair[0] in source.columns)
    inside = np.zeros(len(known), dtype=bool)
    if own:
        held = source.fetch(rows_in(source, rows, own).select(request).distinct())[request]
        inside = known.index.isin(held)
    chances = [
        known[part].sample(count, random_state=seed) * (count / part.sum())
        for part, count in zip((inside, ~inside), _counts(inside), strict=True)
        if count
    ]
    return pd.concat(chances) if chances else known


def _counts(inside: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """How many to draw inside and outside: half each, or what the other side leaves over."""
    mine, others = int(inside.sum()), int((~inside).sum())
    own = min(mine, max(REQUESTS // 2, REQUESTS - others))
    return own, min(others, REQUESTS - own)


def logged_chances(source: Source, rows: Any, request: str, inclusion: str) -> pd.Series:
    """
    Request, in order → its probability of being logged, from the column `inclusion`.

    Raises:
        SourceError: one is missing, 0 or less, above 1, or differs between the rows of its request.
    """
    source.require(inclusion)
    if not rows[inclusion].type().is_numeric():
        kind = rows[inclusion].type()
        raise SourceError(f'table "{source.table.name}": column "{inclusion}" holds {kind}, no probability')
    chance = rows[inclusion].cast("float64")
    asked = {"low": chance.min(), "high": chance.max(), "unset": chance.isnull().any()}
    found = source.fetch(rows.group_by(request).aggregate(**asked)).sort_values(request)
    unset = found["unset"].fillna(value=True).to_numpy(bool)
    low, high = (np.where(unset, np.nan, found[name].to_numpy(np.float64)) for name in ("low", "high"))
    try:
        require_probabilities(inclusion, low, high)
    except SourceError as error:
        raise SourceError(f'table "{source.table.name}": {error}') from None
    return pd.Series(low, index=found[request])
