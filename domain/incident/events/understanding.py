"""How it came up, who has it, and what is known of it."""

from __future__ import annotations

from typing import Literal

from domain.incident.events.event import Event
from domain.values import Diagnosis, Finding, Moment, Option, Severity


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


class FindingJoined(Event):
    """
    What the incident tells was seen elsewhere too. `shares` says what makes it the same thing: a slice, a
    table, a column, or that the finding's table is made from the incident's (`downstream`) or the other way
    round (`upstream`).
    """

    wire_name = "finding.joined"
    finding: Finding
    shares: Literal["slice", "table", "column", "upstream", "downstream"]


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
    """A person judged it better or worse; or what was found since is worse."""

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


class DiagnosisRequested(Event):
    """A person wants the evidence gathered again; the menu is prepared afresh after it."""

    wire_name = "diagnosis.requested"


class MenuPrepared(Event):
    """The hotfixes that fit, with their trade-offs; may be empty, with the reason in `note`."""

    wire_name = "menu.prepared"
    options: tuple[Option, ...]
    note: str = ""


class PredictionScored(Event):
    """The predicted day came: what was forecast, and what happened."""

    wire_name = "prediction.scored"
    observed: float
    forecast: float
    low: float
    high: float
    came_true: bool
