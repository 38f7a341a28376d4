"""
A forecast of the first day of each upcoming launch, beside what comparable launches had.

It learns from what was known equally long before past launches.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.prediction.calendar import LaunchColumns, past_launches, upcoming_launches
from domain.prediction.history import History, learn
from domain.prediction.neighbours import MAD_TO_SIGMA
from domain.prediction.suspects import suspects_of_each

CHANCE = 4.0
"""Standard errors: a calendar may be written each minute for weeks, so one outlier in thousands is chance."""

LEAST_STEPS = 4
"""Steps between looks needed to estimate their scatter: with fewer, a single fall would pass for scatter."""


@dataclass(frozen=True)
class Forecast:
    """
    One launch: `value`, `low`, `high`, `comparable` are first-day counts; `suspects` are out of line.

    `at_most`: the count that the forecast does not exceed by its newest snapshots, as each may be only a
    sample of requests; the same as `value` where there is only one.
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
        snapshots: one row for each look at an upcoming launch; times are aware, in UTC.
        lead: training uses what was known at least this long before each past launch.

    Returns:
        Intervals cover 90 %: split-conformal in each of five folds, pooled. `p_value` is one-sided: how
        rarely a past forecast fell that far below its comparables; past the worst tenth the tail is
        extrapolated exponentially.

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
    own = [np.array(guesses[[item]], np.float64) for item in last[columns.item]]
    usual = scatter_of(np.concatenate([np.diff(looks) for looks in own]))
    found = [
        _forecast(last.iloc[[place]], columns, history, (own[place], usual), suspects[place])
        for place in range(len(last))
    ]
    return tuple(sorted(found, key=lambda forecast: (forecast.launch_at, forecast.item)))


def _forecast(
    row: pd.DataFrame,
    columns: LaunchColumns,
    history: History,
    looks: tuple[npt.NDArray[np.float64], float],
    suspects: tuple[str, ...],
) -> Forecast:
    guess = float(looks[0][-1])
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
        at_most=count_of(level_at_most(*looks)),
    )


def scatter_of(steps: npt.NDArray[np.float64]) -> float:
    """The standard deviation of looks, from the steps between them; 0 where there are too few to tell."""
    if len(steps) < LEAST_STEPS:
        return 0.0
    return float(np.median(np.abs(steps))) * MAD_TO_SIGMA / float(np.sqrt(2))


def level_at_most(looks: npt.NDArray[np.float64], usual: float = 0.0) -> float:
    """
    An upper bound of the current level of `looks` (oldest first), however the last ones fell by chance.

    The mean of the newest n plus `CHANCE` of its standard errors, for the n that gives the lowest bound: one
    look where that is enough, more where the level is near.

    Args:
        usual: the scatter of all items, for one with too few looks to estimate its own.

    >>> round(level_at_most(np.array([10.1, 9.9, 10.0, 10.1, 9.9, 10.0, 8.0])), 1)
    8.6
    >>> round(level_at_most(np.array([10.0, 8.0]), usual=0.1), 1)
    8.4
    """
    steps = np.diff(looks)
    scatter = scatter_of(steps) if len(steps) >= LEAST_STEPS else usual
    n = np.arange(1, len(looks) + 1)
    return float(np.min(np.cumsum(looks[::-1]) / n + CHANCE * scatter / np.sqrt(n)))


def count_of(log: float) -> float:
    """The count whose log1p this is; never below 0."""
    return float(np.expm1(max(log, 0.0)))
