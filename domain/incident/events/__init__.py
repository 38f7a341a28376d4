"""
What happened to an incident: facts in the past tense, one module for each part of its life; also what people
vouch for in an audit, and what hotfixes did in rehearsals.

Each class has a wire name that is never renamed and a schema version that grows when its fields change; every
version ever written is kept under `tests/domain/incident/wire` and tested against the classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from domain.incident.events.attestation import AUDIT, AttestationGiven
from domain.incident.events.correction import (
    NoteCorrected,
    OnsetCorrected,
    SeverityCorrected,
    TimeCorrected,
)
from domain.incident.events.ending import (
    IncidentClosed,
    IncidentMerged,
    IncidentReopened,
    IncidentResolved,
)
from domain.incident.events.event import Event
from domain.incident.events.follow_up import (
    ChangeEarned,
    ChangeHandedOver,
    ChangeLeft,
    ChangeProposed,
    ChangeTakenBack,
    ChangeWritten,
    FollowUpAnswered,
    FollowUpAssigned,
    FollowUpDone,
    FollowUpDropped,
    FollowUpProposed,
    FollowUpReminded,
    PullRequestClosed,
    TakeBackRequested,
)
from domain.incident.events.hotfix import (
    ExpiryReminded,
    HotfixApplied,
    HotfixApproved,
    HotfixChosen,
    HotfixCostMeasured,
    HotfixExpired,
    HotfixFailed,
    HotfixRefuted,
    HotfixRejected,
    HotfixRenewed,
    HotfixReverted,
    HotfixVerified,
    HotfixWatched,
    HotfixWidened,
    HotfixWorthMeasured,
    RenewalFailed,
    RenewalRequested,
    RevertFailed,
    RevertRequested,
    StagePassed,
)
from domain.incident.events.rehearsal import REHEARSALS, HotfixRehearsed, Verdict
from domain.incident.events.ticket import (
    Outstanding,
    TicketClosed,
    TicketOpened,
    TicketRequested,
    TicketUpdated,
    TicketUpdateRequested,
)
from domain.incident.events.understanding import (
    BundleFailed,
    BundleKept,
    DiagnosisFailed,
    DiagnosisGathered,
    DiagnosisRequested,
    EvidenceFound,
    FindingCleared,
    FindingJoined,
    FindingRepeated,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentOpened,
    IncidentSilenced,
    MenuPrepared,
    MessagePosted,
    NoteAdded,
    PictureDrawn,
    PredictionScored,
    SeverityChanged,
)

__all__ = [
    "AUDIT",
    "CARDLESS",
    "REHEARSALS",
    "AttestationGiven",
    "BundleFailed",
    "BundleKept",
    "ChangeEarned",
    "ChangeHandedOver",
    "ChangeLeft",
    "ChangeProposed",
    "ChangeTakenBack",
    "ChangeWritten",
    "Correction",
    "DiagnosisFailed",
    "DiagnosisGathered",
    "DiagnosisRequested",
    "Ending",
    "Event",
    "EvidenceFound",
    "ExpiryReminded",
    "FindingCleared",
    "FindingJoined",
    "FindingRepeated",
    "FollowUpAnswered",
    "FollowUpAssigned",
    "FollowUpDone",
    "FollowUpDropped",
    "FollowUpProposed",
    "FollowUpReminded",
    "HotfixApplied",
    "HotfixApproved",
    "HotfixChosen",
    "HotfixCostMeasured",
    "HotfixExpired",
    "HotfixFailed",
    "HotfixRefuted",
    "HotfixRehearsed",
    "HotfixRejected",
    "HotfixRenewed",
    "HotfixReverted",
    "HotfixVerified",
    "HotfixWatched",
    "HotfixWidened",
    "HotfixWorthMeasured",
    "IncidentAcknowledged",
    "IncidentAssigned",
    "IncidentClosed",
    "IncidentEvent",
    "IncidentMerged",
    "IncidentOpened",
    "IncidentReopened",
    "IncidentResolved",
    "IncidentSilenced",
    "Logged",
    "MenuPrepared",
    "MessagePosted",
    "NoteAdded",
    "NoteCorrected",
    "OfFollowUp",
    "OfHotfix",
    "OfTicket",
    "OnsetCorrected",
    "Outstanding",
    "PictureDrawn",
    "PredictionScored",
    "PullRequestClosed",
    "Recorded",
    "RenewalFailed",
    "RenewalRequested",
    "RevertFailed",
    "RevertRequested",
    "SeverityChanged",
    "SeverityCorrected",
    "StagePassed",
    "TakeBackRequested",
    "TicketClosed",
    "TicketOpened",
    "TicketRequested",
    "TicketUpdateRequested",
    "TicketUpdated",
    "TimeCorrected",
    "Understanding",
    "Verdict",
]

Understanding = (
    FindingRepeated
    | FindingJoined
    | FindingCleared
    | IncidentAcknowledged
    | IncidentAssigned
    | SeverityChanged
    | NoteAdded
    | IncidentSilenced
    | MessagePosted
    | EvidenceFound
    | DiagnosisGathered
    | DiagnosisFailed
    | DiagnosisRequested
    | BundleKept
    | BundleFailed
    | PictureDrawn
    | MenuPrepared
    | PredictionScored
)
OfHotfix = (
    HotfixChosen
    | HotfixApproved
    | HotfixRejected
    | HotfixApplied
    | StagePassed
    | HotfixWidened
    | HotfixFailed
    | HotfixWatched
    | HotfixVerified
    | HotfixRefuted
    | HotfixCostMeasured
    | HotfixWorthMeasured
    | RevertRequested
    | HotfixReverted
    | RevertFailed
    | HotfixExpired
    | ExpiryReminded
    | RenewalRequested
    | HotfixRenewed
    | RenewalFailed
)
Correction = TimeCorrected | OnsetCorrected | NoteCorrected | SeverityCorrected
OfTicket = TicketRequested | TicketOpened | TicketUpdateRequested | TicketUpdated | TicketClosed
Ending = IncidentResolved | IncidentReopened | IncidentMerged | IncidentClosed
OfFollowUp = (
    FollowUpProposed
    | FollowUpAnswered
    | FollowUpAssigned
    | FollowUpReminded
    | FollowUpDone
    | FollowUpDropped
    | ChangeWritten
    | ChangeProposed
    | ChangeHandedOver
    | PullRequestClosed
    | ChangeEarned
    | TakeBackRequested
    | ChangeTakenBack
    | ChangeLeft
)
IncidentEvent = IncidentOpened | Understanding | OfHotfix | Ending | OfFollowUp | OfTicket | Correction
Logged = IncidentEvent | AttestationGiven | HotfixRehearsed
"""Everything the log may hold."""
CARDLESS: Mapping[str, tuple[type[Event], ...]] = {
    AUDIT: (AttestationGiven,),
    REHEARSALS: (HotfixRehearsed,),
}
"""The streams that belong to no incident, and so have no card → what they may hold."""


class Recorded(NamedTuple):
    """
    An event as it stands in the log.

    `position` is its place in the log: 0 until it is numbered, or where it was read by stream. It is a tuple
    because logs are read by the million, and a validated model would take as long to build as its event to
    decode.
    """

    stream: str
    version: int
    at: datetime
    actor_kind: Literal["person", "worker"]
    actor: str
    cause: str | None
    key: str
    event: Logged
    position: int = 0

    @property
    def id(self) -> str:
        """Its place in its stream; also the idempotency key of whatever answers it."""
        return f"{self.stream}:{self.version}"
