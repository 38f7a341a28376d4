"""What can be asked of an incident: commands, verb first. A rule may refuse any of them."""

from __future__ import annotations

from typing import Literal

from domain.values import (
    Diagnosis,
    Estimate,
    Finding,
    Improvement,
    LeftOut,
    Moment,
    Option,
    Piece,
    Severity,
    TriedChange,
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


class JoinFinding(Value):
    """A finding elsewhere that belongs to the same problem; see `FindingJoined` for what it `shares`."""

    finding: Finding
    shares: Literal["slice", "table", "column", "upstream", "downstream", "items", "cause"]


class ClearFinding(Value):
    observed: float
    expected: float
    window_end: Moment


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


class RecordMessage(Value):
    channel: str
    message: str


class AddEvidence(Value):
    """What one stage of the diagnosis found, before all of it is ready."""

    piece: Piece


class RecordDiagnosis(Value):
    diagnosis: Diagnosis


class RecordDiagnosisFailure(Value):
    reason: str


class RecordBundle(Value):
    """The fields are those of `BundleKept`."""

    diagnosis: str
    root: str
    files: int
    bytes: int


class RecordBundleFailure(Value):
    diagnosis: str
    reason: str


class RecordPicture(Value):
    """The fields are those of `PictureDrawn`."""

    picture: str | None
    reason: str = ""


class LookAgain(Value):
    """Gather the evidence and price the hotfixes once more."""


class PrepareMenu(Value):
    """The fields are those of `MenuPrepared`."""

    options: tuple[Option, ...]
    note: str = ""
    left_out: tuple[LeftOut, ...] | None = None
    picture: str | None = None


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


class PassStage(Value):
    """No harm was seen with this `share` of members: it may be served to more."""

    option: str
    share: float


class RecordHotfixWidened(Value):
    option: str
    share: float
    receipt: str


class RecordHotfixFailed(Value):
    option: str
    reason: str


class RecordWatch(Value):
    """The fields are those of `HotfixWatched`."""

    option: str
    observed: float
    expected: float
    repaired_share: float
    window_end: Moment
    window_start: Moment | None = None
    low: float | None = None
    high: float | None = None


class VerifyHotfix(Value):
    option: str
    observed: float
    expected: float
    repaired_share: float
    low: float | None = None
    high: float | None = None


class RefuteHotfix(Value):
    """The fields are those of `HotfixRefuted`."""

    option: str
    reason: str
    repaired_share: float | None = None
    low: float | None = None
    high: float | None = None


class RecordCost(Value):
    """The fields are those of `HotfixCostMeasured`."""

    option: str
    cost: Estimate
    window_start: Moment
    window_end: Moment


class RecordWorth(Value):
    """The fields are those of `HotfixWorthMeasured`."""

    option: str
    repaired: Estimate
    gained: Estimate
    window_start: Moment
    window_end: Moment


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


class RecordHotfixReverted(Value):
    option: str
    receipt: str


class RecordRevertFailed(Value):
    option: str
    reason: str


class ExpireHotfix(Value):
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


class RecordRenewalFailed(Value):
    option: str
    reason: str


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


class MergeInto(Value):
    """The fields are those of `IncidentMerged`."""

    into: str
    number: int
    cause: str


class ProposeFollowUp(Value):
    improvement: Improvement
    changes: tuple[TriedChange, ...] = ()
    note: str = ""


class AnswerFollowUp(Value):
    """`check`: the check of the proposed change that is to go into the declaration, if any."""

    improvement: Improvement
    check: str | None = None


class AcceptFollowUp(Value):
    """The proposal as it is; of several changes the one for this `check`, else the first."""

    check: str | None = None


class RecordChangeWritten(Value):
    check: str
    diff: str


class RecordChangeHandedOver(Value):
    check: str
    diff: str
    reason: str


class AssignFollowUp(Value):
    """The fields are those of `FollowUpAssigned`."""

    owner: str
    due_at: Moment


class RemindOfFollowUp(Value):
    """It is due, and `lacking` says what is missing."""

    lacking: str


class RecordFollowUpDone(Value):
    """It is done: as a replay shows where a worker says so, else on a person's word."""

    says: str


class DropFollowUp(Value):
    """It will not be done after all."""

    reason: str


class RecordChangeProposed(Value):
    check: str
    diff: str
    url: str


class RecordPullRequestClosed(Value):
    """It was closed without being merged."""

    check: str
    url: str


class RecordChangeEarned(Value):
    check: str
    says: str


class RequestTakeBack(Value):
    check: str
    reason: str


class RecordChangeTakenBack(Value):
    check: str
    diff: str
    url: str = ""


class RecordChangeLeft(Value):
    check: str
    diff: str
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
