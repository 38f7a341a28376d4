"""How an incident came up, who is handling it, and what is known of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from domain.incident.events.event import Event
from domain.values import Diagnosis, Finding, LeftOut, Moment, Option, Piece, Severity


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
    What the incident reports was also seen elsewhere. `shares` says what connects them: a slice, a table, a
    column, the items that both come from, that the finding's table is made from the incident's
    (`downstream`) or the other way round (`upstream`), or the cause that was named for both.
    """

    wire_name = "finding.joined"
    finding: Finding
    shares: Literal["slice", "table", "column", "upstream", "downstream", "items", "cause"]


class FindingCleared(Event):
    """The check looked again and found its metric back in the usual band."""

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
    """A person judged it more or less severe, or a later finding is worse."""

    wire_name = "severity.changed"
    severity: Severity
    reason: str


class NoteAdded(Event):
    """A person wrote something down."""

    wire_name = "note.added"
    text: str


class IncidentSilenced(Event):
    """Messages about it are muted until then."""

    wire_name = "incident.silenced"
    until: Moment


class MessagePosted(Event):
    """The incident's live message was posted in a channel of a chat workspace."""

    wire_name = "message.posted"
    channel: str
    message: str


class EvidenceFound(Event):
    """A part of the evidence is in; the rest is still being gathered."""

    wire_name = "evidence.found"
    piece: Piece


class DiagnosisGathered(Event):
    """The evidence is in."""

    wire_name = "diagnosis.gathered"
    diagnosis: Diagnosis


class DiagnosisFailed(Event):
    """The evidence could not be gathered, and why."""

    wire_name = "diagnosis.failed"
    reason: str


class DiagnosisRequested(Event):
    """A person wants the evidence gathered again; the menu is then prepared afresh."""

    wire_name = "diagnosis.requested"


class BundleKept(Event):
    """
    Everything that a diagnosis read and showed is kept in files.

    `diagnosis` is the id of its event; `root` is the SHA-256 of the manifest, which lists every file with its
    own; there are `files` of them, `bytes` in total.
    """

    wire_name = "bundle.kept"
    diagnosis: str
    root: str = Field(pattern="^[0-9a-f]{64}$")
    files: int
    bytes: int


class BundleFailed(Event):
    """What a diagnosis (the id of its event) read could not be kept, and why."""

    wire_name = "bundle.failed"
    diagnosis: str
    reason: str


class PictureDrawn(Event):
    """
    The metric was redrawn with what has happened since; `picture` is the digest, None where it could not be
    drawn, and `reason` says why.
    """

    wire_name = "picture.drawn"
    picture: str | None
    reason: str = ""


class MenuPrepared(Event):
    """
    The hotfixes that fit, with their trade-offs; may be empty, with the reason in `note`. `left_out` are the
    declared ones that are not offered, each with its reason; None where that is not known.
    """

    wire_name = "menu.prepared"
    options: tuple[Option, ...]
    note: str = ""
    left_out: tuple[LeftOut, ...] | None = None


class PredictionScored(Event):
    """The predicted day came: what was forecast, and what happened."""

    wire_name = "prediction.scored"
    observed: float
    forecast: float
    low: float
    high: float
    came_true: bool
