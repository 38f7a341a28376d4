"""
The rules of an incident's life: a command and what is so far, to events or a refusal in words.

An empty answer means there is nothing to do: the same thing was asked and done before.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from domain.errors import Refused, Stale
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.state import Hotfix, Incident, Stage
from domain.values import Actor, Improvement, Option

Events = tuple[e.IncidentEvent, ...]

DEPLOYED: frozenset[Stage] = frozenset({"applied", "verified", "refuted", "revert_failed"})
"""Stages in which the hotfix acts on the recommender."""

BUSY: frozenset[Stage] = DEPLOYED | frozenset[Stage]({"chosen", "approved", "reverting"})
"""Stages in which no other hotfix may be chosen."""


def decide(incident: Incident | None, command: c.Command, actor: Actor, at: datetime) -> Events:
    """
    What happens when `actor` asks this at `at`.

    Raises:
        Refused: a rule says no; the message is for the person who asked.
        Stale: the command speaks of an option that is no longer on the menu.
    """
    if isinstance(command, c.OpenIncident | c.DeclareIncident):
        return _open(incident, command)
    if incident is None:
        raise Refused("There is no such incident. `recsysops status` lists those that are open.")
    if isinstance(command, c.OfHotfix):
        return _hotfix(incident, command, actor, at)
    if isinstance(command, c.Ending):
        return _end(incident, command)
    return _understand(incident, command, actor, at)


def _open(incident: Incident | None, command: c.OpenIncident | c.DeclareIncident) -> Events:
    match command:
        case c.OpenIncident():
            finding = command.finding
            if incident is not None:
                return _repeat(incident, command)
            opened = e.IncidentOpened(
                number=command.number,
                title=finding.title,
                kind=finding.kind,
                severity=finding.severity,
                fingerprint=finding.fingerprint,
                finding=finding,
            )
            return (opened,)
        case c.DeclareIncident():
            if incident is not None:
                return ()
            if not command.title.strip():
                raise Refused("Say in a few words what is wrong: the title is empty.")
            declared = e.IncidentOpened(
                number=command.number,
                title=command.title.strip(),
                kind="declared",
                severity=command.severity,
                fingerprint=f"declared-{command.number}",
                description=command.description,
            )
            return (declared,)
        case _:
            assert_never(command)


def _repeat(incident: Incident, command: c.OpenIncident) -> Events:
    if incident.status == "closed":
        raise Refused(f"Incident #{incident.number} is closed; a new finding opens a new one.")
    last = incident.finding
    if last is not None and command.finding.window_end <= last.window_end:
        return ()
    return (e.FindingRepeated(finding=command.finding),)


def _understand(incident: Incident, command: c.Understanding, actor: Actor, at: datetime) -> Events:
    match command:
        case c.AddNote():
            return (e.NoteAdded(text=_said(command.text, "The note is empty.")),)
        case c.RecordMessage():
            known = (command.channel, command.message) in incident.messages
            return () if known else (e.MessagePosted(channel=command.channel, message=command.message),)
        case c.ScorePrediction():
            return _score(incident, command)
        case c.RecordDiagnosis():
            if incident.diagnosis is not None and "diagnose" not in incident.awaits:
                return ()
            return (e.DiagnosisGathered(diagnosis=command.diagnosis),)
        case c.RecordDiagnosisFailure():
            return (e.DiagnosisFailed(reason=command.reason),) if "diagnose" in incident.awaits else ()
        case c.PrepareMenu():
            if "menu" not in incident.awaits:
                return ()
            return (e.MenuPrepared(options=command.options, note=command.note),)
        case c.ClearFinding():
            if incident.cleared_at is not None or incident.status == "closed":
                return ()
            return (e.FindingCleared(**command.model_dump()),)
        case c.Acknowledge() | c.Assign() | c.ChangeSeverity() | c.Silence():
            return _take(incident, command, actor, at)
        case _:
            assert_never(command)


def _take(
    incident: Incident,
    command: c.Acknowledge | c.Assign | c.ChangeSeverity | c.Silence,
    actor: Actor,
    at: datetime,
) -> Events:
    _not_closed(incident)
    match command:
        case c.Acknowledge():
            if incident.status == "resolved":
                raise Refused(f"#{incident.number} is resolved already; reopen it if it is back.")
            if incident.acknowledged_by == actor.id:
                return ()
            if incident.acknowledged_by is not None:
                return (e.IncidentAssigned(person=actor.id),) if incident.assignee != actor.id else ()
            return (e.IncidentAcknowledged(),)
        case c.Assign():
            same = incident.assignee == command.person
            return () if same else (e.IncidentAssigned(person=command.person),)
        case c.ChangeSeverity():
            if command.severity == incident.severity:
                return ()
            reason = _said(command.reason, "Say why the severity changes.")
            return (e.SeverityChanged(severity=command.severity, reason=reason),)
        case c.Silence():
            if command.until <= at:
                raise Refused("A silence has to end in the future.")
            return (e.IncidentSilenced(until=command.until),)
        case _:
            assert_never(command)


def _score(incident: Incident, command: c.ScorePrediction) -> Events:
    if incident.kind != "predicted":
        raise Refused(f"#{incident.number} is not a prediction; there is nothing to score.")
    if incident.score is not None:
        return ()
    came_true = command.low <= command.observed <= command.high
    return (e.PredictionScored(**command.model_dump(), came_true=came_true),)


def _hotfix(incident: Incident, command: c.OfHotfix, actor: Actor, at: datetime) -> Events:
    if isinstance(command, c.ChooseHotfix):
        return _choose(incident, command, actor)
    hotfix = incident.hotfix
    if hotfix is None or hotfix.option != command.option:
        raise Stale("That hotfix is not the one in hand any more. Look at the message again.")
    if isinstance(command, c.ByPerson):
        return _press(incident, hotfix, command, actor)
    return _record(incident, hotfix, command, at)


def _choose(incident: Incident, command: c.ChooseHotfix, actor: Actor) -> Events:
    option = _option(incident, command.option)
    _not_closed(incident)
    if not option.deployable:
        raise Refused("Doing nothing needs no deployment. If there is nothing to do, resolve it and say why.")
    if incident.status == "resolved":
        raise Refused(f"#{incident.number} is resolved; reopen it before deploying anything.")
    hotfix = incident.hotfix
    if hotfix is not None and hotfix.stage in BUSY:
        if hotfix.option == option.key and hotfix.chosen_by == actor.id:
            return ()
        raise Refused(_in_hand(incident, hotfix))
    chosen = e.HotfixChosen(option=option.key)
    if option.needs_second_person:
        return (chosen,)
    return (chosen, e.HotfixApproved(option=option.key))


def _in_hand(incident: Incident, hotfix: Hotfix) -> str:
    option = incident.option(hotfix.option)
    label = option.label if option else hotfix.option
    return f"{hotfix.chosen_by} was first: “{label}” is {hotfix.stage.replace('_', ' ')}."


def _press(incident: Incident, hotfix: Hotfix, command: c.ByPerson, actor: Actor) -> Events:
    match command:
        case c.ApproveHotfix():
            if hotfix.approved_by is not None:
                return ()
            _stage_is(hotfix, "chosen")
            if _option(incident, hotfix.option).needs_second_person and actor.id == hotfix.chosen_by:
                raise Refused(
                    "This hotfix touches so much traffic that a second person has to approve it; "
                    "you asked for it yourself."
                )
            return (e.HotfixApproved(option=hotfix.option),)
        case c.RejectHotfix():
            _stage_is(hotfix, "chosen")
            return (e.HotfixRejected(option=hotfix.option, reason=command.reason),)
        case c.RevertHotfix():
            if hotfix.stage in ("reverting", "reverted"):
                return ()
            if hotfix.stage not in DEPLOYED:
                raise Refused(f"There is nothing to revert: the hotfix is {hotfix.stage}.")
            return (e.RevertRequested(option=hotfix.option),)
        case _:
            assert_never(command)


def _record(  # the answers of workers: late or repeated ones change nothing
    incident: Incident, hotfix: Hotfix, command: c.ByWorker, at: datetime
) -> Events:
    match command:
        case c.RecordHotfixApplied():
            option = _option(incident, hotfix.option)
            expires_at = at + option.expires_after if option.expires_after else None
            applied = e.HotfixApplied(
                option=hotfix.option,
                receipt=command.receipt,
                expires_at=expires_at,
                watch_until=at + option.watch,
            )
            return (applied,) if hotfix.stage == "approved" else ()
        case c.RecordHotfixFailed():
            failed = e.HotfixFailed(**command.model_dump())
            return (failed,) if hotfix.stage == "approved" else ()
        case c.RecordWatch():
            return (e.HotfixWatched(**command.model_dump()),) if hotfix.stage == "applied" else ()
        case c.VerifyHotfix():
            return _verified(incident, hotfix, command)
        case c.RefuteHotfix():
            return (e.HotfixRefuted(**command.model_dump()),) if hotfix.stage == "applied" else ()
        case c.RecordHotfixReverted():
            reverted = e.HotfixReverted(**command.model_dump())
            return (reverted,) if hotfix.stage == "reverting" else ()
        case c.RecordRevertFailed():
            failed_revert = e.RevertFailed(**command.model_dump())
            return (failed_revert,) if hotfix.stage == "reverting" else ()
        case c.ExpireHotfix():
            return (e.HotfixExpired(option=hotfix.option),) if hotfix.stage in DEPLOYED else ()
        case _:
            assert_never(command)


def _verified(incident: Incident, hotfix: Hotfix, command: c.VerifyHotfix) -> Events:
    if hotfix.stage != "applied":
        return ()
    verified = e.HotfixVerified(**command.model_dump())
    if incident.status in ("resolved", "closed"):
        return (verified,)
    share = f"{command.repaired_share:.0%}"
    return verified, e.IncidentResolved(how="hotfix", reason=f"The hotfix repaired {share} of the gap.")


def _end(incident: Incident, command: c.Ending) -> Events:
    match command:
        case c.Resolve():
            if incident.status in ("resolved", "closed"):
                return ()
            reason = _said(command.reason, "Say how it was resolved.")
            return (e.IncidentResolved(how=command.how, reason=reason),)
        case c.Dismiss():
            if incident.status in ("resolved", "closed"):
                return ()
            reason = _said(command.reason, "Say why this is not an incident; the check learns from it.")
            return (e.IncidentResolved(how="false_alarm", reason=reason),)
        case c.Reopen():
            if incident.status not in ("resolved", "closed"):
                return ()
            return (e.IncidentReopened(reason=_said(command.reason, "Say why it is opened again.")),)
        case c.ProposeFollowUp():
            if "follow_up" not in incident.awaits:
                return ()
            return (e.FollowUpProposed(improvement=command.improvement),)
        case c.AnswerFollowUp():
            return _answer(incident, command.improvement)
        case c.AcceptFollowUp():
            if incident.proposed is None:
                raise Refused("There is no proposed follow-up yet; write one with Edit.")
            return _answer(incident, incident.proposed)
        case c.Close():
            return _close(incident)
        case _:
            assert_never(command)


def _answer(incident: Incident, improvement: Improvement) -> Events:
    _not_closed(incident)
    if incident.status != "resolved":
        raise Refused(
            f"#{incident.number} is not resolved yet; the follow-up comes after the harm has stopped."
        )
    if missing := _missing(improvement):
        raise Refused("The follow-up lacks: " + "; ".join(missing) + ".")
    return () if incident.follow_up == improvement else (e.FollowUpAnswered(improvement=improvement),)


def _missing(improvement: Improvement) -> list[str]:
    missing = []
    if not improvement.detect_faster.strip():
        missing.append("could it have been detected faster, or predicted?")
    if not improvement.diagnose_faster.strip():
        missing.append("could it have been diagnosed faster?")
    if not improvement.detail.strip():
        nothing = improvement.change == "nothing"
        missing.append("why does nothing change?" if nothing else "what exactly changes?")
    return missing


def _close(incident: Incident) -> Events:
    if incident.status == "closed":
        return ()
    if incident.status != "resolved":
        raise Refused(f"#{incident.number} cannot be closed: it is {incident.status}, not resolved.")
    if incident.follow_up is None:
        raise Refused(
            f"#{incident.number} cannot be closed yet. The follow-up is missing: could it have been detected "
            "faster, or predicted? Could it have been diagnosed faster? What changes: a check, a threshold, "
            "a log, a hotfix, or a stated reason for nothing?"
        )
    if incident.hotfix is not None and incident.hotfix.stage in ("approved", "applied", "reverting"):
        raise Refused(
            f"#{incident.number} cannot be closed: its hotfix is {incident.hotfix.stage}; wait for the end."
        )
    return (e.IncidentClosed(),)


def _option(incident: Incident, key: str) -> Option:
    option = incident.option(key)
    if option is None:
        raise Stale("That hotfix is not on the menu any more. Look at the message again.")
    return option


def _stage_is(hotfix: Hotfix, stage: Stage) -> None:
    if hotfix.stage != stage:
        raise Stale(f"Too late: the hotfix is {hotfix.stage.replace('_', ' ')} already.")


def _not_closed(incident: Incident) -> None:
    if incident.status == "closed":
        raise Refused(f"#{incident.number} is closed. Reopen it to go on.")


def _said(text: str, otherwise: str) -> str:
    if not text.strip():
        raise Refused(otherwise)
    return text.strip()
