"""What a launch would come to if the feature that is wrong with it were right."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd

from domain.prediction.launch import Forecast, LaunchColumns, forecast_launches
from domain.prediction.neighbours import is_numeric


def forecast_mended(  # noqa: PLR0913 (the forecast's own terms)
    snapshots: pd.DataFrame,
    columns: LaunchColumns,
    at: datetime,
    forecast: Forecast,
    feature: str,
    value: str,
    *,
    horizon: timedelta = timedelta(days=28),
    lead: timedelta = timedelta(days=7),
    seed: int = 0,
) -> float:
    """
    The first day's count forecast with `feature` put to `value`.

    Numbers outside of what any comparable launch has (a dry run in which nobody was shown the item) follow
    from it, so they are put to the median of the comparables.
    """
    rows = snapshots.copy()
    mine = (rows[columns.item].astype(str) == forecast.item).to_numpy()
    near = rows[rows[columns.item].astype(str).isin(set(forecast.comparables))]
    for name in columns.features:
        if name == feature or not is_numeric(rows[name]):
            continue
        own = rows.loc[mine, name].astype(float)
        if name in forecast.suspects or not own.between(near[name].min(), near[name].max()).all():
            rows[name] = rows[name].astype(float)
            rows.loc[mine, name] = float(near[name].median())
    if feature in rows:
        rows[feature] = rows[feature].astype(object)
        rows.loc[mine, feature] = float(value) if is_numeric(snapshots[feature]) else value
    again = forecast_launches(rows, columns, at, horizon=horizon, lead=lead, seed=seed)
    return next((one.value for one in again if one.item == forecast.item), forecast.value)
