"""
What happened to an incident: facts, in the past tense.

Each class has a wire name that is never renamed and a schema version that grows when its fields change.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain.values import Diagnosis, Finding, Improvement, Moment, Option, Severity, Value


class Event(Value):
    """Base of all facts."""

    wire_name: ClassVar[str]
    schema_version: ClassVar[int] = 1


class IncidentOpened(Event):
    """A finding, a prediction or a person says that something is wrong."""

    wire_name = "incident.opened"
    number: int
    title: str
    kind: Literal["detected", "predicted", "declared"]
    severity: Severity
    fingerprint: str
    finding: Finding | None = None
    description: str = ""


class FindingRepeated(Event):
    """The same finding was made again while the incident was open."""

    wire_name = "finding.repeated"
    finding: Finding


class FindingCleared(Event):
    """The check looked again and found its metric back in the band."""

    wire_name = "finding.cleared"
    observed: float
    expected: float
    window_end: Moment


class IncidentAcknowledged(Event):
    """A person said: I have it."""

    wire_name = "incident.acknowledged"


class IncidentAssigned(Event):
    """The incident was handed to a person, by mapped id."""

    wire_name = "incident.assigned"
    person: str


class SeverityChanged(Event):
    """A person judged it better or worse."""

    wire_name = "severity.changed"
    severity: Severity
    reason: str


class NoteAdded(Event):
    """A person wrote something down."""

    wire_name = "note.added"
    text: str


class IncidentSilenced(Event):
    """No more messages about it until then."""

    wire_name = "incident.silenced"
    until: Moment


class MessagePosted(Event):
    """The incident's living message stands in a channel of a chat workspace."""

    wire_name = "message.posted"
    channel: str
    message: str


class DiagnosisGathered(Event):
    """The evidence is in."""

    wire_name = "diagnosis.gathered"
    diagnosis: Diagnosis


class DiagnosisFailed(Event):
    """The evidence could not be gathered, and why."""

    wire_name = "diagnosis.failed"
    reason: str


class MenuPrepared(Event):
    """The hotfixes that fit, with their trade-offs; may be empty, with the reason in `note`."""

    wire_name = "menu.prepared"
    options: tuple[Option, ...]
    note: str = ""


class HotfixChosen(Event):
    """A person wants this option."""

    wire_name = "hotfix.chosen"
    option: str


class HotfixApproved(Event):
    """It may be deployed: from here on it is owed."""

    wire_name = "hotfix.approved"
    option: str


class HotfixRejected(Event):
    """A person said no to the chosen option."""

    wire_name = "hotfix.rejected"
    option: str
    reason: str


class HotfixApplied(Event):
    """The deployer did it; `receipt` is its answer."""

    wire_name = "hotfix.applied"
    option: str
    receipt: str
    expires_at: Moment | None
    watch_until: Moment


class HotfixFailed(Event):
    """The deployer did not do it, and why."""

    wire_name = "hotfix.failed"
    option: str
    reason: str


class HotfixWatched(Event):
    """One look at the metric while the hotfix is being watched."""

    wire_name = "hotfix.watched"
    option: str
    observed: float
    expected: float
    repaired_share: float
    window_end: Moment


class HotfixVerified(Event):
    """The metric that raised the alarm is back: `repaired_share` of the gap was closed."""

    wire_name = "hotfix.verified"
    option: str
    observed: float
    expected: float
    repaired_share: float
    low: float | None = None
    high: float | None = None


class HotfixRefuted(Event):
    """The watch ended and the metric is not back."""

    wire_name = "hotfix.refuted"
    option: str
    reason: str
    repaired_share: float | None = None


class RevertRequested(Event):
    """A person wants the hotfix undone: from here on it is owed."""

    wire_name = "hotfix.revert_requested"
    option: str


class HotfixReverted(Event):
    """The deployer undid it."""

    wire_name = "hotfix.reverted"
    option: str
    receipt: str


class RevertFailed(Event):
    """The deployer did not undo it, and why."""

    wire_name = "hotfix.revert_failed"
    option: str
    reason: str


class HotfixExpired(Event):
    """Its time was over; it no longer acts."""

    wire_name = "hotfix.expired"
    option: str


class PredictionScored(Event):
    """The predicted day came: what was forecast, and what happened."""

    wire_name = "prediction.scored"
    observed: float
    forecast: float
    low: float
    high: float
    came_true: bool


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


Understanding = (
    FindingRepeated
    | FindingCleared
    | IncidentAcknowledged
    | IncidentAssigned
    | SeverityChanged
    | NoteAdded
    | IncidentSilenced
    | MessagePosted
    | DiagnosisGathered
    | DiagnosisFailed
    | MenuPrepared
    | PredictionScored
)
OfHotfix = (
    HotfixChosen
    | HotfixApproved
    | HotfixRejected
    | HotfixApplied
    | HotfixFailed
    | HotfixWatched
    | HotfixVerified
    | HotfixRefuted
    | RevertRequested
    | HotfixReverted
    | RevertFailed
    | HotfixExpired
)
Ending = IncidentResolved | IncidentReopened | FollowUpProposed | FollowUpAnswered | IncidentClosed
IncidentEvent = IncidentOpened | Understanding | OfHotfix | Ending


class Recorded(Value):
    """
    An event as it stands in the log. `id` is the idempotency key of whatever answers it.

    `position` is its place in the log: 0 until it is numbered, and where it was read by its stream.
    """

    position: int = 0
    stream: str
    version: int
    id: str
    at: datetime
    actor_kind: Literal["person", "worker"]
    actor: str
    cause: str | None
    key: str
    event: IncidentEvent
