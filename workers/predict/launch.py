"""Forecasts launches, looks at them again after a hotfix, and scores them on their day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

import numpy as np

from domain.detection.judge.again.measure import Measurement
from domain.errors import SourceError, TooFewRows
from domain.incident.commands import ScorePrediction
from domain.prediction.launch import Forecast, forecast_launches
from domain.prediction.missed import find_missed_launches
from domain.prediction.repaired import Repaired, forecast_repaired
from domain.prediction.score import score_prediction
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity
from workers.sources.engines.source import open_source
from workers.sources.launches import (
    columns_of,
    declared_launches,
    launch_check,
    noun_of,
    read_earlier,
    read_launches,
    snapshot_of,
    titles_of,
)

SEED = 20


def forecast(recommender: Recommender, at: datetime) -> list[Finding]:
    """
    A predicted finding for each upcoming launch that falls short of comparable ones, at least `lead` ahead.

    Raises:
        SourceError: the calendar cannot be read; TooFewRows with fewer than 30 past launches.
    """
    return missed(recommender, forecasts(recommender, at), at)


def forecasts(recommender: Recommender, at: datetime, suspects: Collection[str] = ()) -> tuple[Forecast, ...]:
    """
    The forecast of each upcoming launch; none if no check looks at them.

    Args:
        suspects: items whose own launch was an incident: nothing is learned from how they did, unless too few
            others launched to learn from.

    Raises:
        SourceError: the calendar cannot be read; TooFewRows with fewer than 30 past launches.
    """
    launches = recommender.launches
    if launches is None or launch_check(recommender) is None:
        return ()
    calendar = read_launches(recommender, at)
    left_out = (calendar[launches.launch] <= at) & calendar[launches.item].isin(list(suspects))
    forecast_from = partial(
        forecast_launches,
        columns=columns_of(launches),
        at=at,
        horizon=launches.horizon,
        lead=launches.lead,
        seed=SEED,
    )
    try:
        return forecast_from(calendar[~left_out])
    except TooFewRows:
        if not left_out.any():
            raise
        return forecast_from(calendar)


def missed(recommender: Recommender, every: Sequence[Forecast], at: datetime) -> list[Finding]:
    """The forecasts that are worth an incident, as findings with words for people."""
    launches, check = recommender.launches, launch_check(recommender)
    if launches is None or check is None:
        return []
    return find_missed_launches(
        every,
        at,
        table=launches.table,
        titles=titles_of(recommender, [found.item for found in every]),
        noun=noun_of(recommender),
        check=check.name,
        lead=launches.lead,
        severity=check.severity or Severity.SEV3,
    )


def measure_launch(
    recommender: Recommender, finding: Finding, at: datetime, suspects: Collection[str] = ()
) -> Measurement:
    """
    The forecast of a finding's item as it stands now: shows before the launch whether a hotfix helped.

    Raises:
        SourceError: the calendar cannot be read, or the item is not an upcoming launch (any more).
    """
    return measured(_forecast_of(recommender, finding, at, suspects))


def measured(found: Forecast) -> Measurement:
    """
    A forecast as a measurement: its band is what comparable launches had, as wide as the forecast's.

    Only a shortfall counts as a predicted miss: exceeding comparable launches is within the band.
    """
    widest = found.comparable * max(found.high / max(found.value, 1e-9), 1.0)
    return Measurement(
        observed=found.value,
        expected=found.comparable,
        low=found.comparable * min(found.low / max(found.value, 1e-9), 1.0),
        high=max(widest, found.value),
        p_value=min(found.p_value, 1.0),
    )


def looked_at(recommender: Recommender, finding: Finding, at: datetime) -> datetime | None:
    """When the newest calendar snapshot of a finding's item was taken: a forecast knows nothing later."""
    return snapshot_of(recommender, finding.subject or "", at)


def score(recommender: Recommender, finding: Finding, at: datetime) -> ScorePrediction | None:
    """What became of a prediction; null until the first day is over and its outcome is filled in."""
    launches = recommender.launches
    if launches is None or finding.subject is None or at < finding.window_end:
        return None
    source = open_source(recommender, launches.table)
    rows = source.rows.filter(source.rows[launches.item].cast("string") == finding.subject)
    seen = source.fetch(rows.aggregate(outcome=rows[launches.outcome].max()))["outcome"].astype(float)[0]
    return None if np.isnan(seen) else score_prediction(finding, float(seen))


def repaired(recommender: Recommender, finding: Finding, feature: str, value: str, at: datetime) -> Repaired:
    """
    What the finding's item is forecast to reach with `feature` at `value`.

    Raises:
        SourceError: the calendar cannot be read, or the item is not an upcoming launch (any more).
    """
    launches = declared_launches(recommender)
    now = _forecast_of(recommender, finding, at)
    return forecast_repaired(
        read_launches(recommender, at),
        columns_of(launches),
        at,
        now,
        feature,
        value,
        earlier=read_earlier(recommender, now.item, feature, value, at),
        lead=launches.lead,
        seed=SEED,
    )


def _forecast_of(
    recommender: Recommender, finding: Finding, at: datetime, suspects: Collection[str] = ()
) -> Forecast:
    launches = declared_launches(recommender)
    every = forecasts(recommender, at, suspects)
    found = next((one for one in every if one.item == finding.subject), None)
    if found is None:
        raise SourceError(f'table "{launches.table}": {finding.subject} is not an upcoming launch (any more)')
    return found
