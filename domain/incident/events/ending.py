"""How it ended, and what the practice learns."""

from __future__ import annotations

from typing import Literal

from domain.incident.events.event import Event
from domain.values import AddedCheck, Improvement, TriedChange


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
    """
    What the system thinks the practice should learn.

    `changes` are those that a replay speaks for, the best first; `note` what became of the others.
    """

    wire_name = "follow_up.proposed"
    schema_version = 2
    improvement: Improvement
    changes: tuple[TriedChange, ...] = ()
    note: str = ""


class FollowUpAnswered(Event):
    """What a person decided that the practice learns; `change` is what is to come into the declaration."""

    wire_name = "follow_up.answered"
    schema_version = 2
    improvement: Improvement
    change: AddedCheck | None = None


class ChangeWritten(Event):
    """The check that was agreed on stands in the declaration, in shadow mode; `diff` is what came in."""

    wire_name = "change.written"
    check: str
    diff: str


class ChangeHandedOver(Event):
    """
    The check that was agreed on is for a person to add: as declared, or because it does not apply (`reason`).
    """

    wire_name = "change.handed_over"
    check: str
    diff: str
    reason: str


class IncidentClosed(Event):
    """Nothing is left to do."""

    wire_name = "incident.closed"
