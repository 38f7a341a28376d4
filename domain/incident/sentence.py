"""Each event in one sentence, as the timeline and the thread show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain.incident import events as e
from domain.incident.comparison import compared
from domain.incident.followed import UNMERGED
from domain.incident.numbers import amount, effect, held_out, minute
from domain.incident.outcome import worth_today
from domain.incident.person import spoken
from domain.incident.state.incident import Worth
from domain.values import name_slice

SHARED = {
    "slice": "in the same slice",
    "table": "in the same table",
    "column": "in the same column",
    "items": "of the same items",
    "upstream": "in a table that it is made from",
    "downstream": "in a table that is made from it",
    "cause": "with the same cause",
}
"""What a finding shares with the incident that it joined, in words."""


HOW = {
    "hotfix": "by the hotfix",
    "by_itself": "by itself",
    "elsewhere": "elsewhere",
    "false_alarm": "as a false alarm",
}
"""How an incident was resolved, in words."""


def sentence(event: e.Logged, labels: dict[str, str]) -> str:
    """What happened; `labels` maps the key of a hotfix to its label."""
    return SENTENCES[type(event)](event, labels)


def _opened(event: e.IncidentOpened, _: dict[str, str]) -> str:
    return f"{event.severity} opened: {event.title}"


def _repeated(event: e.FindingRepeated, _: dict[str, str]) -> str:
    finding = event.finding
    if finding.kind == "predicted":
        comparable = f"comparable launches had {finding.expected:,.0f}"
        return f"Forecast again: {finding.observed:,.0f} {finding.counted_in}, {comparable}"
    return f"Seen again in {name_slice(finding.slice)}: {compared(finding)}"


def _joined(event: e.FindingJoined, _: dict[str, str]) -> str:
    return f"Also seen: {event.finding.title} ({SHARED[event.shares]})"


def _found(event: e.EvidenceFound, _: dict[str, str]) -> str:
    return "Evidence: " + "; ".join(line.statement for line in event.piece.lines)


def _diagnosed(event: e.DiagnosisGathered, _: dict[str, str]) -> str:
    return f"Diagnosis gathered: {event.diagnosis.cause or 'the cause is not established yet'}"


def _drawn(event: e.PictureDrawn, _: dict[str, str]) -> str:
    if event.picture is None:
        return f"The picture of the metric could not be updated: {event.reason}"
    return "The picture of the metric was updated"


def _menu(event: e.MenuPrepared, _: dict[str, str]) -> str:
    if not event.options:
        return f"No hotfix to offer: {event.note or 'no declared hotfix fits the cause'}"
    count = "1 option" if len(event.options) == 1 else f"{len(event.options)} options"
    return f"{count} prepared: " + "; ".join(option.label for option in event.options)


def _assigned(event: e.IncidentAssigned, _: dict[str, str]) -> str:
    return f"Assigned to {spoken(event.person)}"


def _approved(event: e.HotfixApproved, labels: dict[str, str]) -> str:
    label = labels.get(event.option, event.option)
    if event.break_glass is None:
        return f"Approved “{label}”"
    return f"Break-glass: “{label}” is deployed without the second person that it needs: {event.break_glass}"


def _rejected(event: e.HotfixRejected, labels: dict[str, str]) -> str:
    return f"Rejected “{labels.get(event.option, event.option)}”" + (
        f": {event.reason}" if event.reason else ""
    )


def _verified(event: e.HotfixVerified, labels: dict[str, str]) -> str:
    label = labels.get(event.option, event.option)
    return f"“{label}” verified: {_percent(event.repaired_share)} of the gap is repaired"


def _watched(event: e.HotfixWatched, labels: dict[str, str]) -> str:
    label = labels.get(event.option, event.option)
    return f"Watching “{label}”: {_percent(event.repaired_share)} of the gap is repaired"


def _cost(event: e.HotfixCostMeasured, labels: dict[str, str]) -> str:
    label = labels.get(event.option, event.option)
    if event.cost.value is None:
        return f"What “{label}” cost or gained overall is not known: {event.cost.basis}"
    return f"Overall, “{label}” {effect(event.cost, where='')}"


def _worth(event: e.HotfixWorthMeasured, labels: dict[str, str]) -> str:
    label = labels.get(event.option, event.option)
    seen = Worth(at=event.window_end, repaired=event.repaired, gained=event.gained)
    return f"“{label}” today, against members held out: {worth_today(seen)}"


def _applied(event: e.HotfixApplied, labels: dict[str, str]) -> str:
    label = labels.get(event.option, event.option)
    some = f" to {_percent(event.share)} of members" if event.share < 1.0 else ""
    return f"“{label}” is deployed{some}{_held_out(event)}; watched until {minute(event.watch_until)}"


def _held_out(event: e.HotfixApplied | e.HotfixWidened) -> str:
    """Who is never served the hotfix, where it is in force for everyone else."""
    return f", {held_out(event.hold_out)}" if event.hold_out and event.share == 1.0 else ""


def _widened(event: e.HotfixWidened, labels: dict[str, str]) -> str:
    label, share = labels.get(event.option, event.option), _percent(event.share)
    until = f"watched until {minute(event.watch_until)}"
    return f"“{label}” is deployed to {share} of members{_held_out(event)}; {until}"


def _passed(event: e.StagePassed, labels: dict[str, str]) -> str:
    label = labels.get(event.option, event.option)
    return f"With “{label}” for {_percent(event.share)} of members nothing became worse; more follow"


def _revert(event: e.RevertRequested, labels: dict[str, str]) -> str:
    label = labels.get(event.option, event.option)
    if event.because == "person":
        return f"Asked to revert “{label}”"
    if event.because == "stage_failed":
        return f"“{label}” is not rolled out further and is reverted by itself: {event.reason}"
    if event.because == "harm":
        return f"“{label}” does harm and is reverted by itself: {event.reason}"
    return f"“{label}” is reverted by itself; another can be chosen once that is done"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %".replace("-", "−")


def _follow_up(event: e.FollowUpProposed | e.FollowUpAnswered, _: dict[str, str]) -> str:
    verb = "proposed" if isinstance(event, e.FollowUpProposed) else "answered"
    return f"Follow-up {verb} ({event.improvement.change}): {event.improvement.detail}"


def _assigned_follow_up(event: e.FollowUpAssigned, _: dict[str, str]) -> str:
    return f"The follow-up is for {spoken(event.owner)}, due {event.due_at:%Y-%m-%d}"


def _reminded(event: e.FollowUpReminded, _: dict[str, str]) -> str:
    return f"The follow-up of {spoken(event.owner)} is due and not done: {event.lacking}"


def _done(event: e.FollowUpDone, _: dict[str, str]) -> str:
    return f"Follow-up done, {'shown by a replay' if event.shown_by == 'replay' else 'as said'}: {event.says}"


def _taken_back(event: e.ChangeTakenBack, _: dict[str, str]) -> str:
    if event.url:
        return f"The check {event.check} is taken out by a pull request: {event.url}"
    return f"The check {event.check} is out of the declaration again"


def _ticket_closed(event: e.TicketClosed, labels: dict[str, str]) -> str:
    closed = f"Ticket {event.ticket} was closed in its tracker"
    ended = "is dropped" if event.dropped else "is done"
    done = f"; the follow-up {ended}" if event.follow_up else ""
    if event.option is None:
        return f"{closed}{done}"
    label = labels.get(event.option, event.option)
    return f"{closed}{done}. “{label}” is still in force: revert it if it is no longer needed"


def _ticket_update(event: e.TicketUpdateRequested, _: dict[str, str]) -> str:
    left = event.outstanding
    if not left.anything:
        return "Nothing is left to do: the ticket is being closed"
    said = [left.follow_up, f"“{left.hotfix}” in force" if left.hotfix else None]
    return "The ticket is being updated with what is left to do: " + "; ".join(one for one in said if one)


def _corrected(words: str) -> Callable[[Any, dict[str, str]], str]:
    """A sentence about another event, by its number within the incident, and why."""

    def worded(event: Any, _: dict[str, str]) -> str:
        number = event.corrects.rpartition(":")[2]
        return f"Corrected {words.format(event=event, number=number)} ({event.reason})"

    return worded


def _about(words: str) -> Callable[[Any, dict[str, str]], str]:
    """A sentence made from the event's own fields; `{label}` is the hotfix's label."""

    def worded(event: e.Event, labels: dict[str, str]) -> str:
        option = getattr(event, "option", "")
        return words.format(event=event, label=labels.get(option, option))

    return worded


SENTENCES: dict[type[e.Event], Callable[[Any, dict[str, str]], str]] = {
    e.IncidentOpened: _opened,
    e.FindingRepeated: _repeated,
    e.FindingJoined: _joined,
    e.FindingCleared: lambda event, _: (
        f"Back to normal: {amount(event.observed)}, expected {amount(event.expected)}"
    ),
    e.IncidentAcknowledged: _about("Acknowledged"),
    e.IncidentAssigned: _assigned,
    e.SeverityChanged: _about("Severity is now {event.severity}: {event.reason}"),
    e.NoteAdded: _about("Note: {event.text}"),
    e.IncidentSilenced: _about("Silenced until {event.until:%Y-%m-%d %H:%M} UTC"),
    e.MessagePosted: _about("Posted in Slack"),
    e.EvidenceFound: _found,
    e.DiagnosisGathered: _diagnosed,
    e.DiagnosisFailed: _about("Diagnosis failed: {event.reason}"),
    e.DiagnosisRequested: _about("Asked to diagnose the cause again"),
    e.BundleKept: _about(
        "What the diagnosis read is kept: {event.files} files, {event.bytes:,} bytes, root {event.root:.12}…"
    ),
    e.BundleFailed: _about("What the diagnosis read could not be kept: {event.reason}"),
    e.PictureDrawn: _drawn,
    e.MenuPrepared: _menu,
    e.HotfixChosen: _about("Chose “{label}”"),
    e.HotfixApproved: _approved,
    e.HotfixRejected: _rejected,
    e.HotfixApplied: _applied,
    e.StagePassed: _passed,
    e.HotfixWidened: _widened,
    e.HotfixFailed: _about("“{label}” could not be deployed: {event.reason}"),
    e.HotfixWatched: _watched,
    e.HotfixCostMeasured: _cost,
    e.HotfixWorthMeasured: _worth,
    e.HotfixVerified: _verified,
    e.HotfixRefuted: _about("“{label}” did not repair it: {event.reason}"),
    e.RevertRequested: _revert,
    e.HotfixReverted: _about("“{label}” is reverted"),
    e.RevertFailed: _about("“{label}” could not be reverted: {event.reason}"),
    e.HotfixExpired: _about("“{label}” expired"),
    e.ExpiryReminded: _about(
        "“{label}” expires {event.expires_at:%Y-%m-%d %H:%M} UTC and is reverted then; Renew keeps it"
    ),
    e.RenewalRequested: _about(
        "Renews “{label}” until {event.expires_at:%Y-%m-%d %H:%M} UTC: {event.reason}"
    ),
    e.HotfixRenewed: _about("“{label}” stays in force until {event.expires_at:%Y-%m-%d %H:%M} UTC"),
    e.RenewalFailed: _about("“{label}” could not be renewed: {event.reason}"),
    e.PredictionScored: _about(
        "Prediction scored: {event.observed:,.0f} came, {event.forecast:,.0f} were forecast"
    ),
    e.IncidentResolved: lambda event, _: f"Resolved {HOW[event.how]}: {event.reason}",
    e.IncidentReopened: _about("Reopened: {event.reason}"),
    e.FollowUpProposed: _follow_up,
    e.FollowUpAnswered: _follow_up,
    e.FollowUpAssigned: _assigned_follow_up,
    e.FollowUpReminded: _reminded,
    e.FollowUpDone: _done,
    e.FollowUpDropped: _about("The follow-up is not to be done: {event.reason}"),
    e.ChangeProposed: _about("The check {event.check} is in a pull request: {event.url}"),
    e.PullRequestClosed: lambda event, _: (
        f"The pull request with the check {event.check} was {UNMERGED}: {event.url}"
    ),
    e.ChangeEarned: _about(
        "The check {event.check} may leave shadow mode, {event.says}: remove its `shadow = true`"
    ),
    e.TakeBackRequested: _about("The check {event.check} made something worse: {event.reason}"),
    e.ChangeTakenBack: _taken_back,
    e.ChangeLeft: _about("The check {event.check} is for a person to take out: {event.reason}"),
    e.ChangeWritten: _about("The check {event.check} is now declared, in shadow mode"),
    e.ChangeHandedOver: _about("The check {event.check} has to be added by hand: {event.reason}"),
    e.IncidentMerged: _about("Part of #{event.number}, which has the same cause: {event.cause}"),
    e.IncidentClosed: _about("Closed"),
    e.TicketRequested: _about("A ticket is being opened in “{event.tracker}”"),
    e.TicketOpened: _about("Ticket {event.ticket} opened in “{event.tracker}”"),
    e.TicketUpdateRequested: _ticket_update,
    e.TicketUpdated: lambda event, _: "The ticket is closed" if event.closed else "The ticket is updated",
    e.TicketClosed: _ticket_closed,
    e.TimeCorrected: _corrected("the time of event {number}: {event.happened_at:%Y-%m-%d %H:%M} UTC"),
    e.OnsetCorrected: _corrected("when it began: {event.since:%Y-%m-%d %H:%M} UTC"),
    e.NoteCorrected: _corrected("note {number}: “{event.text}”"),
    e.AttestationGiven: _about("Attested {event.test} until {event.until:%Y-%m-%d}: {event.link}"),
    e.HotfixRehearsed: _about("Rehearsed “{event.hotfix}”: {event.says}"),
    e.SeverityCorrected: _corrected("the severity in event {number}: {event.severity}"),
}
