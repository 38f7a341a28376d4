"""
What can be asked of an incident: commands, verb first. A rule may refuse any of them.

A command whose event says something else, or more, is a class here; one that asks for an event word by word
is that event, under the verb's name.
"""

from __future__ import annotations

from typing import Literal

from domain.incident import events as e
from domain.values import (
    Finding,
    Improvement,
    Moment,
    Severity,
    Value,
)


class OpenIncident(Value):
    """From a finding. If an incident with its fingerprint is already open, that one is updated."""

    number: int
    finding: Finding


class DeclareIncident(Value):
    """From a person, without a finding."""

    number: int
    title: str
    severity: Severity
    description: str = ""


class Acknowledge(Value):
    pass


class Assign(Value):
    person: str


class ChangeSeverity(Value):
    severity: Severity
    reason: str


class AddNote(Value):
    text: str


class Silence(Value):
    until: Moment


class LookAgain(Value):
    """Gather the evidence and price the hotfixes once more."""


class ChooseHotfix(Value):
    """`menu`: the digest of the menu that was read; empty where the button does not carry it."""

    option: str
    menu: str


class ApproveHotfix(Value):
    """`menu`: the digest of the menu that it was chosen from, as the approver read it."""

    option: str
    menu: str


class BreakGlass(Value):
    """Deploy what waits for a second person without one, for a `reason`; `menu` as in `ApproveHotfix`."""

    option: str
    menu: str
    reason: str


class RejectHotfix(Value):
    option: str
    reason: str = ""


class RecordHotfixApplied(Value):
    option: str
    receipt: str


class RecordHotfixWidened(Value):
    option: str
    share: float
    receipt: str


class RecordHarm(Value):
    """
    Things got worse under the hotfix: it is reverted. `repaired_share`, `low` and `high` are what was
    measured where a look at the alarm's metric saw the harm; None where a guard did.
    """

    option: str
    reason: str
    repaired_share: float | None = None
    low: float | None = None
    high: float | None = None


class RevertHotfix(Value):
    option: str


class RemindOfExpiry(Value):
    option: str


class RenewHotfix(Value):
    """Renew it for another period as long as the one it was offered for."""

    option: str
    reason: str


class RecordHotfixRenewed(Value):
    option: str
    receipt: str


class ScorePrediction(Value):
    observed: float
    forecast: float
    low: float
    high: float


class Resolve(Value):
    how: Literal["hotfix", "by_itself", "elsewhere"] = "elsewhere"
    reason: str


class Dismiss(Value):
    """Not an incident."""

    reason: str


class Reopen(Value):
    reason: str


class AnswerFollowUp(Value):
    """`check`: the check of the proposed change that is to go into the declaration, if any."""

    improvement: Improvement
    check: str | None = None


class AcceptFollowUp(Value):
    """The proposal as it is; of several changes the one for this `check`, else the first."""

    check: str | None = None


class RemindOfFollowUp(Value):
    """It is due, and `lacking` says what is missing."""

    lacking: str


class RecordFollowUpDone(Value):
    """It is done: as a replay shows where a worker says so, else on a person's word."""

    says: str


class DropFollowUp(Value):
    """It will not be done after all."""

    reason: str


class Close(Value):
    pass


class RequestTicket(Value):
    """Open a ticket in this tracker that says what is outstanding."""

    tracker: str


class RecordTicketOpened(Value):
    """The fields are those of `TicketOpened`."""

    ticket: str
    url: str = ""


class RequestTicketUpdate(Value):
    """Have the ticket say what is outstanding now."""


class RecordTicketUpdated(Value):
    pass


class RecordTicketClosed(Value):
    """Somebody closed it in its tracker; `dropped`: as not to be done."""

    dropped: bool = False


class CorrectTime(Value):
    """What the event (its id) describes happened at another time."""

    event: str
    at: Moment
    reason: str


class CorrectOnset(Value):
    """The harm began at another time than the event says."""

    event: str
    since: Moment
    reason: str


class CorrectNote(Value):
    event: str
    text: str
    reason: str


class CorrectSeverity(Value):
    event: str
    severity: Severity
    reason: str


# What a worker found or did is recorded as it says it, where a rule allows: the order is the event itself.
JoinFinding = e.FindingJoined
ClearFinding = e.FindingCleared
AddEvidence = e.EvidenceFound
RecordDiagnosis = e.DiagnosisGathered
RecordDiagnosisFailure = e.DiagnosisFailed
RecordBundle = e.BundleKept
RecordBundleFailure = e.BundleFailed
RecordPicture = e.PictureDrawn
PrepareMenu = e.MenuPrepared
RecordMessage = e.MessagePosted
RecordHotfixFailed = e.HotfixFailed
RecordWatch = e.HotfixWatched
VerifyHotfix = e.HotfixVerified
RefuteHotfix = e.HotfixRefuted
RecordCost = e.HotfixCostMeasured
RecordWorth = e.HotfixWorthMeasured
RecordHotfixReverted = e.HotfixReverted
RecordRevertFailed = e.RevertFailed
RecordRenewalFailed = e.RenewalFailed
PassStage = e.StagePassed
ExpireHotfix = e.HotfixExpired
MergeInto = e.IncidentMerged
ProposeFollowUp = e.FollowUpProposed
RecordChangeWritten = e.ChangeWritten
RecordChangeProposed = e.ChangeProposed
RecordChangeHandedOver = e.ChangeHandedOver
RecordPullRequestClosed = e.PullRequestClosed
RecordChangeEarned = e.ChangeEarned
RequestTakeBack = e.TakeBackRequested
RecordChangeTakenBack = e.ChangeTakenBack
RecordChangeLeft = e.ChangeLeft
AssignFollowUp = e.FollowUpAssigned

Opening = OpenIncident | DeclareIncident
Understanding = (
    JoinFinding
    | ClearFinding
    | Acknowledge
    | Assign
    | ChangeSeverity
    | AddNote
    | Silence
    | RecordMessage
    | AddEvidence
    | RecordDiagnosis
    | RecordDiagnosisFailure
    | RecordBundle
    | RecordBundleFailure
    | RecordPicture
    | LookAgain
    | PrepareMenu
    | ScorePrediction
)
ByPerson = ApproveHotfix | BreakGlass | RejectHotfix | RevertHotfix | RenewHotfix
ByWorker = (
    RecordHotfixApplied
    | PassStage
    | RecordHotfixWidened
    | RecordHotfixFailed
    | RecordWatch
    | VerifyHotfix
    | RefuteHotfix
    | RecordCost
    | RecordWorth
    | RecordHarm
    | RecordHotfixReverted
    | RecordRevertFailed
    | ExpireHotfix
    | RemindOfExpiry
    | RecordHotfixRenewed
    | RecordRenewalFailed
)
OfHotfix = ChooseHotfix | ByPerson | ByWorker
OfFollowUp = (
    ProposeFollowUp
    | AnswerFollowUp
    | AcceptFollowUp
    | AssignFollowUp
    | RemindOfFollowUp
    | RecordFollowUpDone
    | DropFollowUp
    | RecordChangeWritten
    | RecordChangeProposed
    | RecordChangeHandedOver
    | RecordPullRequestClosed
    | RecordChangeEarned
    | RequestTakeBack
    | RecordChangeTakenBack
    | RecordChangeLeft
)
Ending = Resolve | Dismiss | Reopen | MergeInto | Close
OfTicket = RequestTicket | RecordTicketOpened | RequestTicketUpdate | RecordTicketUpdated | RecordTicketClosed
Correction = CorrectTime | CorrectOnset | CorrectNote | CorrectSeverity
Command = Opening | Understanding | OfHotfix | Ending | OfFollowUp | OfTicket | Correction
