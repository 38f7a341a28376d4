"""Who is handling an incident, and what is known of it."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import Events, in_hand, not_closed, said
from domain.incident.state import DRAW, Incident
from domain.values import Actor, LeftOut


def understand(incident: Incident, command: c.Understanding, actor: Actor, at: datetime) -> Events:
    """What people say about it while it is open, and what the workers find out."""
    match command:
        case c.AddNote():
            return (e.NoteAdded(text=said(command.text, "The note is empty.")),)
        case c.RecordMessage():
            known = (command.channel, command.message) in incident.messages
            return () if known else (command,)
        case c.ScorePrediction():
            return _score(incident, command)
        case c.AddEvidence():
            stages = {one.stage for one in incident.evidence_so_far}
            late = "diagnose" not in incident.awaits or command.piece.stage in stages
            return () if late else (command,)
        case c.RecordDiagnosis():
            late = "diagnose" not in incident.awaits
            if late and (incident.diagnosis is not None or in_hand(incident)):
                return ()
            return (command,)
        case c.RecordDiagnosisFailure():
            return (command,) if "diagnose" in incident.awaits else ()
        case c.RecordBundle() | c.RecordBundleFailure():
            return _bundle(incident, command)
        case c.RecordPicture():
            return (command,) if DRAW in incident.awaits else ()
        case c.LookAgain():
            if against := against_looking_again(incident):
                raise Refused(against)
            return (e.DiagnosisRequested(),)
        case c.PrepareMenu():
            return (_menu(incident, command),) if "menu" in incident.awaits else ()
        case c.JoinFinding():
            return _join(incident, command)
        case c.ClearFinding():
            if incident.cleared_at is not None or incident.status == "closed":
                return ()
            return (command,)
        case c.Acknowledge() | c.Assign() | c.ChangeSeverity() | c.Silence():
            return _take(incident, command, actor, at)
        case _:
            assert_never(command)


def _bundle(incident: Incident, command: c.RecordBundle | c.RecordBundleFailure) -> Events:
    """A bundle that could not be kept may still be kept later; one that was kept stays."""
    before = incident.bundle
    if incident.diagnosis is None:
        return ()
    if isinstance(command, c.RecordBundleFailure):
        return () if before else (command,)
    return () if before and before.root else (command,)


def _menu(incident: Incident, command: c.PrepareMenu) -> e.MenuPrepared:
    """The menu without what was tried in this incident and found not to work; its note says so."""
    kept, notes = [], [command.note] if command.note else []
    spent_on = list[LeftOut]()
    for option in command.options:
        if spent := incident.spent_on(option):
            notes.append(f"{option.label}: {spent.words}")
            spent_on.append(LeftOut(hotfix=option.hotfix, label=option.label, why=f"it was {spent.words}"))
        else:
            kept.append(option)
    left_out = (*(command.left_out or ()), *spent_on) if spent_on else command.left_out
    return e.MenuPrepared(options=tuple(kept), note="; ".join(notes), left_out=left_out)


def _join(incident: Incident, command: c.JoinFinding) -> Events:
    finding = command.finding
    not_closed(incident)
    known = (incident.fingerprint, *(one.fingerprint for one in incident.also))
    if finding.fingerprint in known:
        return ()
    if incident.judged or finding.severity >= incident.severity:  # a person's judgement stays
        return (command,)
    return (command, e.SeverityChanged(severity=finding.severity, reason=f"also: {finding.title}"))


def against_looking_again(incident: Incident) -> str | None:
    """Why the diagnosis cannot be repeated now, in words; None where it can."""
    number = f"#{incident.number}"
    if incident.status in ("resolved", "closed"):
        return f"{number} is {incident.status}. Reopen it if it is back, then diagnose again."
    if incident.finding is None:
        return f"No check raised {number}, so there is no metric to look into; add what you know as a note."
    if "diagnose" in incident.awaits:
        return f"{number} is being looked into already; its message changes when there is something new."
    if "menu" in incident.awaits:
        return f"The hotfixes of {number} are being priced already; its message changes when they are."
    if hotfix := in_hand(incident):
        return f"{hotfix}. The menu must not change under it; diagnose again once it is rejected or reverted."
    return None


def _take(
    incident: Incident,
    command: c.Acknowledge | c.Assign | c.ChangeSeverity | c.Silence,
    actor: Actor,
    at: datetime,
) -> Events:
    not_closed(incident)
    match command:
        case c.Acknowledge():
            if incident.status == "resolved":
                raise Refused(f"#{incident.number} is resolved already; reopen it if it is back.")
            if incident.acknowledged_by is not None:
                mine = actor.is_(incident.assignee)
                return () if mine else (e.IncidentAssigned(person=actor.id),)
            return (e.IncidentAcknowledged(),)
        case c.Assign():
            same = incident.assignee == command.person
            return () if same else (e.IncidentAssigned(person=command.person),)
        case c.ChangeSeverity():
            if command.severity == incident.severity:
                return ()
            reason = said(command.reason, "Say why the severity changes.")
            return (e.SeverityChanged(severity=command.severity, reason=reason),)
        case c.Silence():
            if command.until <= at:
                raise Refused("A silence has to end in the future.")
            same_until = incident.silenced_until == command.until
            return () if same_until else (e.IncidentSilenced(until=command.until),)
        case _:
            assert_never(command)


def _score(incident: Incident, command: c.ScorePrediction) -> Events:
    if incident.kind != "predicted":
        raise Refused(f"#{incident.number} is not a prediction; there is nothing to score.")
    if incident.score is not None:
        return ()
    came_true = command.low <= command.observed <= command.high
    return (e.PredictionScored(**command.model_dump(), came_true=came_true),)
