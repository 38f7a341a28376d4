"""
A forecast of the first day of each upcoming launch, with what comparable launches had.

It learns from what was known at the same distance from past launches.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.prediction.calendar import LaunchColumns, past_launches, upcoming_launches
from domain.prediction.history import History, learn
from domain.prediction.suspects import suspects_of_each

CHANCE = 4.0
"""Standard errors: a calendar may be written each minute for weeks, and one look in thousands is no news."""

MAD = 1.4826
"""The standard deviation of normal steps, in medians of their size."""


@dataclass(frozen=True)
class Forecast:
    """
    One launch: `value`, `low`, `high`, `comparable` are first-day counts; `suspects` stand out of line.

    `at_most`: of which its newest snapshots say that the forecast is not above it, each but a sample of
    requests as it may be; as `value` where there is but one.
    """

    item: str
    launch_at: datetime
    value: float
    low: float
    high: float
    comparable: float
    comparables: tuple[str, ...]
    suspects: tuple[str, ...]
    p_value: float
    at_most: float


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
    guesses = pd.Series(history.model.predict(upcoming), upcoming[columns.item])
    last = upcoming.drop_duplicates(columns.item, keep="last")
    suspects = suspects_of_each(last, past, columns.features)
    found = [
        _forecast(
            last.iloc[[place]], columns, history, np.array(guesses[[item]], np.float64), suspects[place]
        )
        for place, item in enumerate(last[columns.item])
    ]
    return tuple(sorted(found, key=lambda forecast: (forecast.launch_at, forecast.item)))


def _forecast(
    row: pd.DataFrame,
    columns: LaunchColumns,
    history: History,
    guesses: npt.NDArray[np.float64],
    suspects: tuple[str, ...],
) -> Forecast:
    guess = float(guesses[-1])
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
        at_most=count_of(level_at_most(guesses)),
    )


def level_at_most(guesses: npt.NDArray[np.float64]) -> float:
    """
    What the level of `guesses` (oldest first) is not above now, however their last ones fell by chance.

    The mean of the newest n and `CHANCE` of its standard errors, for the n that says the least: one look
    where it says enough, more where the level is near. Their scatter is from step to step, so a level that
    fell once is no scatter.

    >>> round(level_at_most(np.array([10.1, 9.9, 10.0, 10.1, 9.9, 10.0, 8.0])), 1)
    8.6
    """
    scatter = float(np.median(np.abs(np.diff(guesses)))) * MAD / np.sqrt(2) if len(guesses) > 1 else 0.0
    n = np.arange(1, len(guesses) + 1)
    return float(np.min(np.cumsum(guesses[::-1]) / n + CHANCE * scatter / np.sqrt(n)))


def count_of(log: float) -> float:
    """The count whose log1p this is; none below 0."""
    return float(np.expm1(max(log, 0.0)))
