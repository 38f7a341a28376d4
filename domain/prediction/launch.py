"""
A forecast of the first day of each upcoming launch, with what comparable launches had.

It learns from what was known at the same distance from past launches.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from domain.prediction.calendar import LaunchColumns, past_launches, upcoming_launches
from domain.prediction.history import History, learn
from domain.prediction.suspects import suspects_of_each


@dataclass(frozen=True)
class Forecast:
    """One launch: `value`, `low`, `high`, `comparable` are first-day counts; `suspects` stand out of line."""

    item: str
    launch_at: datetime
    value: float
    low: float
    high: float
    comparable: float
    comparables: tuple[str, ...]
    suspects: tuple[str, ...]
    p_value: float


def forecast_launches(
    snapshots: pd.DataFrame,
    columns: LaunchColumns,
    at: datetime,
    *,
    horizon: timedelta = timedelta(days=28),
    lead: timedelta = timedelta(days=7),
    seed: int = 0,
) -> tuple[Forecast, ...]:
    """
    Forecasts of the items that launch within `horizon` of `at`, soonest first.

    Args:
        snapshots: one row for each look at an upcoming launch; times aware UTC.
        lead: training uses what was known at least this long before each past launch.

    Returns:
        Intervals cover 90 %: split-conformal in each of five folds, pooled. `p_value` is one-sided: how
        rarely a past forecast fell as far below its comparables; past the worst tenth the tail is continued
        exponentially.

    Raises:
        TooFewRows: fewer than 30 past launches with an outcome.

    Source:
        Vovk (2015), Ann. Math. Artif. Intell. 74 (cross-conformal); Pickands (1975) (the tail).
    """
    upcoming = upcoming_launches(snapshots, columns, at, horizon)
    past = past_launches(snapshots, columns, at, lead)
    if upcoming.empty:
        return ()
    history = learn(past, columns, seed)
    guesses = history.model.predict(upcoming)
    suspects = suspects_of_each(upcoming, past, columns.features)
    found = [
        _forecast(upcoming.iloc[[place]], columns, history, float(guesses[place]), suspects[place])
        for place in range(len(upcoming))
    ]
    return tuple(sorted(found, key=lambda forecast: (forecast.launch_at, forecast.item)))


def _forecast(
    row: pd.DataFrame, columns: LaunchColumns, history: History, guess: float, suspects: tuple[str, ...]
) -> Forecast:
    near = history.comparable_places(row, columns.features, suspects)
    middle = float(np.median(history.target[near]))
    low, high = history.interval(np.array([guess]))
    return Forecast(
        item=str(row[columns.item].iloc[0]),
        launch_at=row[columns.launch].iloc[0].floor("us").to_pydatetime(),
        value=count_of(guess),
        low=count_of(low),
        high=count_of(high),
        comparable=count_of(middle),
        comparables=tuple(history.rows[columns.item].iloc[near].astype(str)),
        suspects=suspects,
        p_value=history.tail_share(guess - middle),
    )


def count_of(log: float) -> float:
    """The count whose log1p this is; none below 0."""
    return float(np.expm1(max(log, 0.0)))
