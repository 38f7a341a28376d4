"""How an incident ended."""

from __future__ import annotations

from typing import Literal

from domain.incident.events.event import Event


class IncidentResolved(Event):
    """The harm has stopped, or there was none (`false_alarm`)."""

    wire_name = "incident.resolved"
    how: Literal["hotfix", "by_itself", "elsewhere", "false_alarm"]
    reason: str


class IncidentReopened(Event):
    """It was reopened: the problem is back, or was never gone."""

    wire_name = "incident.reopened"
    reason: str


class IncidentClosed(Event):
    """Nothing is left to do."""

    wire_name = "incident.closed"
