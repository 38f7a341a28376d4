"""How it ends, and what the practice learns."""

from __future__ import annotations

from typing import Literal, assert_never

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import DEPLOYED, Events, in_hand, not_closed, said
from domain.incident.state import Incident, Stage
from domain.values import AddedCheck, Improvement, TriedChange

Missing = Literal["follow_up", "hotfix"]
UNFINISHED: dict[Stage, str] = {
    "chosen": "reject it",
    "approved": "wait for its end",
    "applied": "wait for the end of the watch, or revert it",
    "widening": "wait until it is deployed, or revert it then",
    "reverting": "wait for its end",
    "revert_failed": "revert it again",
}
"""Stages of a hotfix that an incident is not closed over, and what to do then."""

WITHDRAWN = "withdrawn, as the incident was resolved before anybody approved it"


def end(incident: Incident, command: c.Ending) -> Events:
    """Resolved, reopened, learned from, closed."""
    match command:
        case c.Resolve():
            if incident.status in ("resolved", "closed"):
                return ()
            reason = said(command.reason, "Say how it was resolved.")
            return _resolved(incident, e.IncidentResolved(how=command.how, reason=reason))
        case c.Dismiss():
            if incident.status in ("resolved", "closed"):
                return ()
            reason = said(command.reason, "Say why this is not an incident; the check learns from it.")
            return _resolved(incident, e.IncidentResolved(how="false_alarm", reason=reason))
        case c.Reopen():
            if incident.status not in ("resolved", "closed"):
                return ()
            return (e.IncidentReopened(reason=said(command.reason, "Say why it is opened again.")),)
        case c.Close():
            return _close(incident)
        case _:
            return _learn(incident, command)


def against_resolving(incident: Incident, *, dismissing: bool = False) -> str | None:
    """Why an incident that goes on is not resolved, or dismissed, now, in words; None where it may be."""
    stage = incident.hotfix.stage if incident.hotfix else None
    if stage in ("approved", "widening", "reverting"):
        return (
            f"{in_hand(incident)}. Wait until #{incident.number} says how that went; then it can be resolved."
        )
    if dismissing and stage in DEPLOYED:
        return (
            f"{in_hand(incident)}. Revert it first: what is not an incident needs no hotfix. If it was one "
            "and is over, resolve it."
        )
    return None


def _resolved(incident: Incident, event: e.IncidentResolved) -> Events:
    """What was only asked for is withdrawn with the end; what is being done is waited for."""
    if against := against_resolving(incident, dismissing=event.how == "false_alarm"):
        raise Refused(against)
    hotfix = incident.hotfix
    if hotfix is None or hotfix.stage != "chosen":
        return (event,)
    return event, e.HotfixRejected(option=hotfix.option, reason=WITHDRAWN)


def missing_to_close(incident: Incident) -> tuple[Missing, ...]:
    """What a resolved incident still waits for before it may be closed."""
    hotfix = incident.hotfix
    answer: tuple[Missing, ...] = ("follow_up",) if incident.follow_up is None else ()
    acting = hotfix is not None and hotfix.stage in UNFINISHED
    return (*answer, "hotfix") if acting else answer


def _learn(incident: Incident, command: c.OfFollowUp) -> Events:
    """Proposed, answered, and what came of the change that was agreed on."""
    match command:
        case c.ProposeFollowUp():
            if "follow_up" not in incident.awaits:
                return ()
            return (e.FollowUpProposed(**dict(command)),)
        case c.AnswerFollowUp():
            change = _proposed(incident, command.check).change if command.check else None
            return _answer(incident, command.improvement, change)
        case c.AcceptFollowUp():
            return _accept(incident, command.check)
        case c.RecordChangeWritten():
            return (e.ChangeWritten(**dict(command)),) if "change" in incident.awaits else ()
        case c.RecordChangeHandedOver():
            return (e.ChangeHandedOver(**dict(command)),) if "change" in incident.awaits else ()
        case _:
            assert_never(command)


def _accept(incident: Incident, check: str | None) -> Events:
    if incident.proposed is None:
        raise Refused("There is no proposed follow-up yet; write one with Edit.")
    if check is None and not incident.changes:
        return _answer(incident, incident.proposed, None)
    taken = _proposed(incident, check or incident.changes[0].change.name)
    said = {"detect_faster": taken.faster, "detail": taken.detail, "proof": taken.proof, "change": "check"}
    return _answer(incident, incident.proposed.model_copy(update=said), taken.change)


def _proposed(incident: Incident, check: str) -> TriedChange:
    """The change of this check: only what was replayed comes into the declaration."""
    taken = next((one for one in incident.changes if one.change.name == check), None)
    if taken is None:
        proposed = ", ".join(one.change.name for one in incident.changes) or "none"
        raise Refused(f"The check {check} is not among those that were replayed and proposed: {proposed}.")
    return taken


def _answer(incident: Incident, improvement: Improvement, change: AddedCheck | None) -> Events:
    not_closed(incident)
    if incident.status != "resolved":
        raise Refused(
            f"#{incident.number} is not resolved yet; the follow-up comes after the harm has stopped."
        )
    if missing := _missing(improvement):
        raise Refused("The follow-up lacks: " + "; ".join(missing) + ".")
    if improvement.change == "nothing" and change is not None:
        raise Refused(f"Nothing changes, and the check {change.name} comes in: say one of them.")
    if (incident.follow_up, incident.change) == (improvement, change):
        return ()
    return (e.FollowUpAnswered(improvement=improvement, change=change),)


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
    hotfix = incident.hotfix
    if hotfix is not None and hotfix.stage in UNFINISHED:
        what = UNFINISHED[hotfix.stage]
        raise Refused(f"#{incident.number} cannot be closed: {in_hand(incident)}; {what}.")
    return (e.IncidentClosed(),)
