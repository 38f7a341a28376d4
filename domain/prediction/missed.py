"""Launches that will be missed, and those that no longer will: forecasts against comparables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from scipy.stats import false_discovery_control

from domain.prediction.calendar import FIRST_DAY
from domain.prediction.kind import LAUNCH_FORECAST
from domain.prediction.launch import Forecast
from domain.values import Finding, Severity

FALSE_DISCOVERY = 0.05
LEAST_SHORTFALL = 0.5  # share of what comparables had: less is not worth waking anyone for


def find_missed_launches(  # noqa: PLR0913 (words for people, by name)
    forecasts: Sequence[Forecast],
    at: datetime,
    *,
    table: str,
    titles: dict[str, str],
    noun: str = "items",
    check: str = LAUNCH_FORECAST.name,
    lead: timedelta = timedelta(days=7),
    severity: Severity = Severity.SEV3,
) -> list[Finding]:
    """
    Predicted findings, at least `lead` ahead: even the high end of the forecast is below the comparables'
    median, the forecast is at most half of it and not because of one chance snapshot, and the shortfall
    stands out at a false discovery rate of 5 % over all upcoming launches.
    """
    if not forecasts:
        return []
    adjusted = false_discovery_control([forecast.p_value for forecast in forecasts])
    return [
        as_finding(forecast, at, table=table, titles=titles, noun=noun, check=check, severity=severity)
        for forecast, share in zip(forecasts, adjusted, strict=True)
        if share <= FALSE_DISCOVERY
        and forecast.high < forecast.comparable
        and max(forecast.value, forecast.at_most) <= (1 - LEAST_SHORTFALL) * forecast.comparable
        and forecast.launch_at - at >= lead
    ]


def recovered(forecast: Forecast) -> bool:
    """
    Whether a launch that was going to be missed no longer is: what comparable ones had lies within the
    forecast's interval, and the forecast is above half of it. Between this and a finding nothing is reported,
    so that a forecast on the edge does not come and go.
    """
    return (
        forecast.high >= forecast.comparable and forecast.value > (1 - LEAST_SHORTFALL) * forecast.comparable
    )


def as_finding(
    forecast: Forecast,
    at: datetime,
    *,
    table: str,
    titles: dict[str, str],
    noun: str,
    check: str = LAUNCH_FORECAST.name,
    severity: Severity = Severity.SEV3,
) -> Finding:
    """The forecast as a finding; its window is the launch day."""
    days = round((forecast.launch_at - at) / timedelta(days=1))
    when = "today" if days < 1 else "tomorrow" if days == 1 else f"in {days} days"
    less = 1 - forecast.value / max(forecast.comparable, 1e-9)
    title = (
        f"“{titles.get(forecast.item, forecast.item)}” launches {when} to {100 * less:.0f} % fewer "
        f"first-day impressions than comparable {noun} had"
    )
    return Finding(
        check=check,
        table=table,
        kind="predicted",
        subject=forecast.item,
        window_start=forecast.launch_at,
        window_end=forecast.launch_at + FIRST_DAY,
        observed=forecast.value,
        expected=forecast.comparable,
        low=forecast.low,
        high=forecast.high,
        unit="first-day impressions",
        p_value=min(forecast.p_value, 1.0),
        severity=severity,
        title=title,
    )
