"""The launch calendar: what launches next is forecast, looked at again after a hotfix, scored on the day."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd

from domain.detection.measure import Measurement
from domain.errors import SourceError
from domain.incident.commands import ScorePrediction
from domain.prediction.launch import Forecast, LaunchColumns, find_missed_launches, forecast_launches
from domain.prediction.mended import forecast_mended
from domain.prediction.score import score_prediction
from domain.recommender.check import Check
from domain.recommender.model import Launches
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity
from workers.sources.source import open_source

SEED = 20
MEMORY = timedelta(days=400)


def forecast(recommender: Recommender, at: datetime) -> list[Finding]:
    """
    A predicted finding for each upcoming launch that falls short of comparable ones, at least `lead` ahead.

    Raises:
        SourceError: the calendar cannot be read; TooFewRows with fewer than 30 past launches.
    """
    launches, check = recommender.launches, launch_check(recommender)
    if launches is None or check is None:
        return []
    snapshots = read_launches(recommender, at)
    forecasts = forecast_launches(
        snapshots, columns_of(launches), at, horizon=launches.horizon, lead=launches.lead, seed=SEED
    )
    return find_missed_launches(
        forecasts,
        at,
        table=launches.table,
        titles=titles_of(recommender, [found.item for found in forecasts]),
        noun=noun_of(recommender),
        check=check.name,
        lead=launches.lead,
        severity=check.severity or Severity.SEV3,
    )


def measure_launch(recommender: Recommender, finding: Finding, at: datetime) -> Measurement:
    """
    The forecast of a finding's item as it is now: to see whether a hotfix helped before the launch.

    Raises:
        SourceError: the calendar cannot be read, or the item is not an upcoming launch (any more).
    """
    found = _forecast_of(recommender, finding, at)
    return Measurement(
        observed=found.value,
        expected=found.comparable,
        low=found.comparable * min(found.low / max(found.value, 1e-9), 1.0),
        high=found.comparable * max(found.high / max(found.value, 1e-9), 1.0),
        p_value=min(found.p_value, 1.0),
    )


def score(recommender: Recommender, finding: Finding, at: datetime) -> ScorePrediction | None:
    """What became of a prediction; null while the first day is not over or its outcome is not filled in."""
    launches = recommender.launches
    if launches is None or finding.subject is None or at < finding.window_end:
        return None
    source = open_source(recommender, launches.table)
    rows = source.rows.filter(source.rows[launches.item].cast("string") == finding.subject)
    seen = source.fetch(rows.aggregate(outcome=rows[launches.outcome].max()))["outcome"].astype(float)[0]
    return None if np.isnan(seen) else score_prediction(finding, float(seen))


def mended(
    recommender: Recommender, finding: Finding, feature: str, value: str, at: datetime
) -> tuple[float, float, float]:
    """(now, with `feature` set, comparables) first-day counts forecast for the finding's item."""
    launches = recommender.launches
    if launches is None or finding.subject is None:
        raise SourceError("no launch calendar is declared")
    now = _forecast_of(recommender, finding, at)
    snapshots = read_launches(recommender, at)
    fixed = forecast_mended(
        snapshots, columns_of(launches), at, now, feature, value, horizon=launches.horizon, lead=launches.lead
    )
    return now.value, fixed, now.comparable


def launch_check(recommender: Recommender) -> Check | None:
    """The declared check that looks at the launch calendar."""
    return next((check for check in recommender.checks.values() if check.kind == "launch_forecast"), None)


def columns_of(launches: Launches) -> LaunchColumns:
    """The declared calendar in the forecast's terms."""
    return LaunchColumns(
        launches.item, launches.snapshot, launches.launch, launches.outcome, tuple(launches.features)
    )


def read_launches(recommender: Recommender, at: datetime) -> pd.DataFrame:
    """
    What a forecast needs of the calendar: of each item its last snapshot, its last one `lead` before the
    launch, and its outcome. The engine picks them, however often the calendar is written.
    """
    launches = recommender.launches
    if launches is None:
        raise SourceError("no launch calendar is declared; add [launches]")
    source = open_source(recommender, launches.table)
    source.require(launches.item, launches.snapshot, launches.launch, launches.outcome, *launches.features)
    rows = source.rows.select(
        launches.item, launches.snapshot, launches.launch, launches.outcome, *launches.features
    )
    rows = rows.filter(
        rows[launches.snapshot] <= ibis.literal(at), rows[launches.launch] > ibis.literal(at - MEMORY)
    )
    early = rows.filter(
        rows[launches.snapshot]
        <= rows[launches.launch] - ibis.interval(seconds=int(launches.lead.total_seconds()))
    )
    parts = []
    for some in (rows, early, rows.filter(rows[launches.outcome].notnull())):
        ranked = some.mutate(
            __nth=ibis.row_number().over(group_by=launches.item, order_by=ibis.desc(launches.snapshot))
        )
        parts.append(source.fetch(ranked.filter(ranked["__nth"] == 0).drop("__nth")))
    frame = pd.concat(parts, ignore_index=True).drop_duplicates([launches.item, launches.snapshot])
    for name in (launches.snapshot, launches.launch):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame.assign(**{launches.item: frame[launches.item].astype(str)})


def titles_of(recommender: Recommender, items: list[str]) -> dict[str, str]:
    """Titles by item; empty where none are declared."""
    declared = recommender.items
    if declared is None or declared.title is None or not items:
        return {}
    source = open_source(recommender, declared.table)
    key = source.rows[declared.key].cast("string")
    found = source.fetch(source.rows.filter(key.isin(items)).select(declared.key, declared.title))
    return dict(zip(found[declared.key].astype(str), found[declared.title].astype(str), strict=True))


def noun_of(recommender: Recommender) -> str:
    """What people call the items: the key `film_id` makes films, anything else stays items."""
    key = recommender.items.key if recommender.items else "item_id"
    stem = key.removesuffix("_id").removesuffix("_key")
    return f"{stem}s" if stem and stem != key else "items"


def _forecast_of(recommender: Recommender, finding: Finding, at: datetime) -> Forecast:
    launches = recommender.launches
    if launches is None:
        raise SourceError("no launch calendar is declared; add [launches]")
    forecasts = forecast_launches(
        read_launches(recommender, at),
        columns_of(launches),
        at,
        horizon=launches.horizon,
        lead=launches.lead,
        seed=SEED,
    )
    found = next((one for one in forecasts if one.item == finding.subject), None)
    if found is None:
        raise SourceError(f'table "{launches.table}": {finding.subject} is not an upcoming launch (any more)')
    return found
