"""
The one kind of check that looks ahead: at the launch calendar, not at windows of a table.

It has no entry point: what it reads, how often it looks and what it reports is settled here (`launch`), and a
clock of its own runs it (`workers.predict.look_ahead`). It is declared like any other check.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.recommender.keys.evidences import TestId


@dataclass(frozen=True)
class ForecastKind:
    """A kind of check that forecasts: its name, its purpose, and the tests it is evidence for."""

    name: str
    purpose: str
    evidences: tuple[TestId, ...] = ()


LAUNCH_FORECAST = ForecastKind(
    name="launch_forecast",
    purpose="launches that will be missed",
)
