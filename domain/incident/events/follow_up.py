"""What the practice learns from an incident, and what becomes of that."""

from __future__ import annotations

from typing import Literal

from domain.incident.events.event import Event
from domain.values import AddedCheck, Improvement, Moment, TriedChange


class FollowUpProposed(Event):
    """
    What the system thinks the practice should learn.

    `changes` are those that a replay supports, best first; `note` says what became of the others.
    """

    wire_name = "follow_up.proposed"
    improvement: Improvement
    changes: tuple[TriedChange, ...] = ()
    note: str = ""


class FollowUpAnswered(Event):
    """
    What a person decided the practice should learn; `change` is what is to go into the declaration.

    `tracked`: it is tracked until it is done. Answers that change nothing are not.
    """

    wire_name = "follow_up.answered"
    improvement: Improvement
    change: AddedCheck | None = None
    tracked: bool = False


class FollowUpAssigned(Event):
    """Who sees to the follow-up, and when it is due."""

    wire_name = "follow_up.assigned"
    owner: str
    due_at: Moment


class FollowUpReminded(Event):
    """It is due and not done; `lacking` says what is still missing for a replay to show it done."""

    wire_name = "follow_up.reminded"
    owner: str
    due_at: Moment
    lacking: str


class FollowUpDone(Event):
    """It is done, as a replay of the incident shows or a person says; `says` gives the details."""

    wire_name = "follow_up.done"
    shown_by: Literal["replay", "person"]
    says: str


class ChangeWritten(Event):
    """The check that was agreed on is in the declaration, in shadow mode; `diff` is what was added."""

    wire_name = "change.written"
    check: str
    diff: str


class ChangeHandedOver(Event):
    """
    The check that was agreed on is left to a person to add: as declared, or because it does not apply
    (`reason`).
    """

    wire_name = "change.handed_over"
    check: str
    diff: str
    reason: str


class FollowUpDropped(Event):
    """A person decided that it will not be done after all."""

    wire_name = "follow_up.dropped"
    reason: str


class ChangeProposed(Event):
    """
    The check that was agreed on is in a pull request at `url`, for people to merge; recorded again where one
    that was closed is reopened, or merged after all.
    """

    wire_name = "change.proposed"
    check: str
    diff: str
    url: str


class PullRequestClosed(Event):
    """The pull request with the check that was agreed on was closed without being merged."""

    wire_name = "change.pull_request_closed"
    check: str
    url: str


class ChangeEarned(Event):
    """The record of the check that was agreed on (`says`) is good enough for it to leave shadow mode."""

    wire_name = "change.earned"
    check: str
    says: str


class TakeBackRequested(Event):
    """The check that was agreed on made something worse and is to be removed from the declaration."""

    wire_name = "change.take_back_requested"
    check: str
    reason: str


class ChangeTakenBack(Event):
    """
    The check is out of the declaration again; `diff` is what was removed, empty where it was gone already.
    Where `url` is not empty, a pull request there removes it.
    """

    wire_name = "change.taken_back"
    check: str
    diff: str
    url: str = ""


class ChangeLeft(Event):
    """The check that made something worse is left to a person to remove (`diff`), and why."""

    wire_name = "change.left"
    check: str
    diff: str
    reason: str
