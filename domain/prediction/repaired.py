"""What a launch would reach if its faulty feature were right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from domain.prediction.calendar import LaunchColumns, past_launches
from domain.prediction.history import COMPARABLES, History, learn
from domain.prediction.launch import Forecast, count_of
from domain.prediction.neighbours import is_numeric


@dataclass(frozen=True)
class Repaired:
    """
    A launch as it is and as it would be, in first-day counts; `low`–`high` covers 90 % of first days.

    `basis` says in words where the values that depend on the feature (a dry run) come from.
    """

    now: float
    value: float
    low: float
    high: float
    comparable: float
    basis: str


def forecast_repaired(  # noqa: PLR0913 (the forecast's own terms)
    snapshots: pd.DataFrame,
    columns: LaunchColumns,
    at: datetime,
    forecast: Forecast,
    feature: str,
    value: str,
    *,
    earlier: pd.DataFrame | None = None,
    lead: timedelta = timedelta(days=7),
    seed: int = 0,
) -> Repaired:
    """
    The first day's count, forecast with `feature` set to `value`.

    What depends on the feature (a dry run in which nobody was shown the item) is known from the item's own
    `earlier` snapshots, taken while it had the value. Without any, each number outside the range of
    comparable launches is taken from each of these in turn.

    Args:
        snapshots: as for `forecast_launches`; the item's `forecast` was made from them.

    Returns:
        The median over those possible rows. The interval covers the scatter between them and the regression's
        past errors, split-conformal; it assumes that a repaired launch is like a past one, and takes `now` as
        certain.

    Raises:
        TooFewRows: fewer than 30 past launches with an outcome.
    """
    history = learn(past_launches(snapshots, columns, at, lead), columns, seed)
    rows, basis = _possible(snapshots, columns, forecast, earlier, history)
    if feature in rows:
        rows = rows.assign(**{feature: float(value) if is_numeric(snapshots[feature]) else value})
    guesses = history.model.predict(rows)
    low, high = (count_of(end) for end in history.interval(guesses))
    value_then = count_of(float(np.median(guesses)))
    return Repaired(forecast.value, value_then, low, high, forecast.comparable, basis)


def _possible(
    snapshots: pd.DataFrame,
    columns: LaunchColumns,
    forecast: Forecast,
    earlier: pd.DataFrame | None,
    history: History,
) -> tuple[pd.DataFrame, str]:
    """Rows of the item as it may look once repaired, and where they come from."""
    if earlier is not None and not earlier.empty:
        own = earlier.sort_values(columns.snapshot, kind="stable").tail(COMPARABLES)
        return own, "with what was known of it before"
    mine = snapshots[snapshots[columns.item].astype(str) == forecast.item]
    last = mine.sort_values(columns.snapshot, kind="stable").tail(1)
    near = history.rows[history.rows[columns.item].astype(str).isin(set(forecast.comparables))]
    rows = last.loc[last.index.repeat(len(near))].reset_index(drop=True)
    for name in columns.features:
        known = near[name].astype(float) if is_numeric(near[name]) else None
        if known is None or known.isna().all():
            continue
        own_value = float(last[name].iloc[0])
        if name in forecast.suspects or not known.min() <= own_value <= known.max():
            rows[name] = known.to_numpy()
    return rows, "with what was known of comparable launches"
