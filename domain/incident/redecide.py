"""
Would today's rules decide what is in the log? Each group of events written under one key is compared with
what `decide` makes of the commands that can have led to it, on the state before, for that actor, at that
time.

`evolve` alone cannot tell: it accepts an approval from whoever wrote it, on an incident in any stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide import decide
from domain.incident.state import Incident
from domain.values import Actor


def redecided(incident: Incident | None, written: Sequence[e.Recorded]) -> bool:
    """
    Whether a rule would decide exactly these events, all written under one key.

    Args:
        incident: the state before, including what may be corrected in it; None before the first event.
    """
    first = written[0]
    actor = Actor(kind=first.actor_kind, id=first.actor)
    events = tuple(record.event for record in written)
    asked = (command for event in events for command in commands_of(event))
    return any(_gives(incident, command, actor, first) == events for command in asked)


def commands_of(event: e.Logged) -> tuple[c.Command, ...]:
    """The commands that can lead to an event, alone or with others; none for events outside incidents."""
    if ask := _ASKED.get(type(event)):
        return ask(event)
    return (event,) if isinstance(event, c.Command) else ()


def _gives(
    incident: Incident | None, command: c.Command, actor: Actor, first: e.Recorded
) -> tuple[e.Logged, ...]:
    try:
        return decide(incident, command, actor, first.at)
    except Refused:
        return ()


def _opened(event: e.IncidentOpened) -> tuple[c.Command, ...]:
    if event.finding is not None:
        return (c.OpenIncident(number=event.number, finding=event.finding),)
    given = event.model_dump(include={"number", "title", "severity", "description"})
    return (c.DeclareIncident(**given),)


def _resolved(event: e.IncidentResolved) -> tuple[c.Command, ...]:
    if event.how == "false_alarm":
        return (c.Dismiss(reason=event.reason),)
    return (c.Resolve(how=event.how, reason=event.reason),)


def _same(command: type[c.Command], *fields: str) -> Callable[[Any], tuple[c.Command, ...]]:
    """The command that repeats what the event says: in all fields, or in these."""
    return lambda event: (command(**{name: getattr(event, name) for name in fields or command.model_fields}),)


_ASKED: dict[type[e.Event], Callable[[Any], tuple[c.Command, ...]]] = {
    e.IncidentOpened: _opened,
    e.FindingRepeated: lambda event: (c.OpenIncident(number=0, finding=event.finding),),
    e.IncidentAcknowledged: _same(c.Acknowledge),
    e.IncidentAssigned: lambda event: (c.Assign(person=event.person), c.Acknowledge()),
    e.SeverityChanged: _same(c.ChangeSeverity),
    e.NoteAdded: _same(c.AddNote),
    e.IncidentSilenced: _same(c.Silence),
    e.DiagnosisRequested: _same(c.LookAgain),
    e.PredictionScored: _same(c.ScorePrediction),
    e.HotfixChosen: lambda event: (c.ChooseHotfix(option=event.option, menu=event.menu or ""),),
    e.HotfixApproved: lambda event: (
        c.ApproveHotfix(option=event.option, menu=event.menu or ""),
        c.BreakGlass(option=event.option, menu=event.menu or "", reason=event.break_glass or ""),
    ),
    e.HotfixRejected: _same(c.RejectHotfix),
    e.HotfixApplied: _same(c.RecordHotfixApplied),
    e.RevertRequested: lambda event: (
        c.RevertHotfix(option=event.option),
        c.RecordHarm(**event.model_dump(exclude={"because"})),
        c.RecordHotfixFailed(option=event.option, reason=event.reason),
        c.PassStage(option=event.option, share=0.0),
    ),
    e.HotfixWidened: _same(c.RecordHotfixWidened, "option", "share", "receipt"),
    e.ExpiryReminded: _same(c.RemindOfExpiry),
    e.RenewalRequested: _same(c.RenewHotfix),
    e.HotfixRenewed: _same(c.RecordHotfixRenewed),
    e.IncidentResolved: _resolved,
    e.IncidentReopened: _same(c.Reopen),
    e.FollowUpAnswered: lambda event: (
        c.AnswerFollowUp(improvement=event.improvement, check=event.change.name if event.change else None),
    ),
    e.FollowUpReminded: _same(c.RemindOfFollowUp),
    e.FollowUpDone: _same(c.RecordFollowUpDone),
    e.FollowUpDropped: _same(c.DropFollowUp),
    e.IncidentClosed: _same(c.Close),
    e.TicketRequested: _same(c.RequestTicket),
    e.TicketOpened: _same(c.RecordTicketOpened),
    e.TicketUpdateRequested: lambda _: (c.RequestTicketUpdate(),),
    e.TicketUpdated: lambda _: (c.RecordTicketUpdated(),),
    e.TicketClosed: _same(c.RecordTicketClosed),
    e.TimeCorrected: lambda event: (
        c.CorrectTime(event=event.corrects, at=event.happened_at, reason=event.reason),
    ),
    e.OnsetCorrected: lambda event: (
        c.CorrectOnset(event=event.corrects, since=event.since, reason=event.reason),
    ),
    e.NoteCorrected: lambda event: (
        c.CorrectNote(event=event.corrects, text=event.text, reason=event.reason),
    ),
    e.SeverityCorrected: lambda event: (
        c.CorrectSeverity(event=event.corrects, severity=event.severity, reason=event.reason),
    ),
}
"""Event → the commands that can lead to it, where these are not the event itself."""
