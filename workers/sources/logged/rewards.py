"""What members chose among the candidates of logged requests, and how much people choose in a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from domain.recommender.recommender import Recommender
from domain.resolution.realised import Chosen
from workers.sources.aggregate.exposure import declared
from workers.sources.engines.column_kinds import finite
from workers.sources.engines.source import Source, open_source

LATER = timedelta(hours=6)
"""How long after a request was logged a choice is waited for."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class DailyTotals:
    """Rewards in all, and requests per member, in one day. None if not known."""

    rewards: float | None
    visits: float | None


def rewards_of(
    recommender: Recommender, requests: Sequence[object], start: datetime, end: datetime
) -> pd.Series:
    """
    (request, item), both as text → what was chosen: 1, or the sum of the objective's measure.

    Args:
        start, end: when the requests were made.

    Raises:
        SourceError: no [exposure] is declared, or its table cannot be read as declared.
    """
    exposure = declared(recommender)
    with open_source(recommender, exposure.chosen) as source:
        item = str(source.table.item)
        source.require(exposure.request, item)
        rows = source.between(start, end + LATER)
        named = [str(request) for request in requests]
        rows = rows.filter(rows[exposure.request].cast("string").isin(named))
        keys = {"request": rows[exposure.request].cast("string"), "item": rows[item].cast("string")}
        found = source.fetch(rows.group_by(**keys).aggregate(reward=_amount(recommender, source, rows)))
    return found.set_index(["request", "item"])["reward"].astype("float64")


def chosen_of(recommender: Recommender, start: datetime, end: datetime) -> Chosen:
    """
    What was chosen in this span, and in how many requests.

    Raises:
        SourceError: as `rewards_of`.
    """
    exposure = declared(recommender)
    with open_source(recommender, exposure.chosen) as source:
        rewards = _total(recommender, source, source.between(start, end))
    with open_source(recommender, exposure.shown) as source:
        source.require(exposure.request)
        rows = source.between(start, end)
        counted = source.fetch(rows.aggregate(requests=rows[exposure.request].nunique()))
    return Chosen(rewards, float(counted["requests"].fillna(0)[0]))


def daily_totals(recommender: Recommender, at: datetime) -> DailyTotals:
    """
    The totals for the day up to `at`.

    Raises:
        SourceError: as `rewards_of`.
    """
    exposure = declared(recommender)
    with open_source(recommender, exposure.chosen) as source:
        rewards = _total(recommender, source, source.between(at - DAY, at))
    with open_source(recommender, exposure.shown) as source:
        member = source.table.member
        if member is None:
            return DailyTotals(rewards, None)
        source.require(exposure.request, member)
        rows = source.between(at - DAY, at)
        counts = {"requests": rows[exposure.request].nunique(), "members": rows[member].nunique()}
        counted = source.fetch(rows.aggregate(**counts)).astype(float).iloc[0]
    visits = counted["requests"] / counted["members"] if counted["members"] else None
    return DailyTotals(rewards, visits)


def unit_of(recommender: Recommender) -> str:
    """What the objective counts, in a word: as declared, else its measure, else the table of choices."""
    objective, exposure = recommender.objective, recommender.exposure
    return objective.unit or objective.measure or (exposure.chosen if exposure else "choices")


def _total(recommender: Recommender, source: Source, rows: Any) -> float:
    total = rows.count() if _measure(recommender) is None else _amount(recommender, source, rows)
    return float(source.fetch(rows.aggregate(total=total))["total"].fillna(0)[0])


def _measure(recommender: Recommender) -> str | None:
    return recommender.objective.measure


def _amount(recommender: Recommender, source: Source, rows: Any) -> Any:
    """For the rows of one choice, however often it was logged."""
    measure = _measure(recommender)
    if measure is None:
        return (rows.count() > 0).cast("int64")
    source.require(measure)
    return finite(rows[measure]).sum()
