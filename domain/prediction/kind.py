"""
The one kind of check that looks ahead: at the launch calendar, not at windows of a table.

It has no entry point: what it reads, how often it looks and what it reports is forecast here (`launch`), by a
clock of its own (`workers.predict.look_ahead`). A declaration writes it as any other check.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.recommender.keys.evidences import TestId


@dataclass(frozen=True)
class ForecastKind:
    """A kind of check that forecasts: its name, what it is for, and what it is evidence for."""

    name: str
    purpose: str
    evidences: tuple[TestId, ...] = ()


LAUNCH_FORECAST = ForecastKind(
    name="launch_forecast",
    purpose="launches that will be missed",
)
