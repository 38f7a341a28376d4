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


class IncidentMerged(Event):
    """
    It is part of another incident, `number`, in the stream `into`: the same `cause` was named for both. Its
    findings have joined that one.
    """

    wire_name = "incident.merged"
    into: str
    number: int
    cause: str


class IncidentClosed(Event):
    """Nothing is left to do."""

    wire_name = "incident.closed"
