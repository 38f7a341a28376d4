"""Findings to open incidents with, each about a different slice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.incident.commands import OpenIncident
from domain.values import Actor, Finding, Severity, slice_of
from workers.environment.settings import Settings
from workers.log.handle import Answer, handle
from workers.store.connection import engine

DETECTOR = Actor(kind="worker", id="worker:detect")


def finding(number: int, **slice_values: str) -> Finding:
    """Impressions of a slice that fell by 71 % in the minute that has just ended."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    sliced = slice_of(**(slice_values or {"genre": f"Genre {number}"}))
    return Finding(
        check="impressions_by_slice",
        table="impressions",
        slice=sliced,
        window_start=end - timedelta(minutes=1),
        window_end=end,
        observed=29.0,
        expected=100.0,
        low=80.0,
        high=120.0,
        p_value=1e-6,
        severity=Severity.SEV2,
        title=f"{', '.join(value for _, value in sliced)} films are shown 71 % less",
    )


def opened(settings: Settings, one: Finding, key: str) -> Answer:
    """The incident of this finding, opened as the detector opens it."""
    command = OpenIncident(number=0, finding=one)
    return handle(None, command, actor=DETECTOR, key=key, log=engine(settings.database(), settings.workspace))
