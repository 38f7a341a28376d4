"""How it ended, and what the practice learns."""

from __future__ import annotations

from typing import Literal

from domain.incident.events.event import Event
from domain.values import Improvement


class IncidentResolved(Event):
    """The harm has stopped, or there was none (`false_alarm`)."""

    wire_name = "incident.resolved"
    how: Literal["hotfix", "by_itself", "elsewhere", "false_alarm"]
    reason: str


class IncidentReopened(Event):
    """It is back, or was never gone."""

    wire_name = "incident.reopened"
    reason: str


class FollowUpProposed(Event):
    """What the system thinks the practice should learn."""

    wire_name = "follow_up.proposed"
    improvement: Improvement


class FollowUpAnswered(Event):
    """What a person decided that the practice learns."""

    wire_name = "follow_up.answered"
    improvement: Improvement


class IncidentClosed(Event):
    """Nothing is left to do."""

    wire_name = "incident.closed"
