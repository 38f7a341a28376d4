"""How an incident ends."""

from __future__ import annotations

from typing import Literal, assert_never

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import DEPLOYED, Events, in_hand, said
from domain.incident.state import Incident, Stage

Missing = Literal["follow_up", "hotfix"]
UNFINISHED: dict[Stage, str] = {
    "chosen": "reject it",
    "approved": "wait for its end",
    "applied": "wait for the end of the watch, or revert it",
    "widening": "wait until it is deployed, or revert it then",
    "reverting": "wait for its end",
    "revert_failed": "revert it again",
}
"""Stages of a hotfix in which an incident is not closed, and what to do then."""

WITHDRAWN = "withdrawn, as the incident was resolved before anybody approved it"


def end(incident: Incident, command: c.Ending) -> Events:
    """Resolved, reopened, merged, closed."""
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
        case c.MergeInto():
            return (command,) if may_merge(incident) else ()
        case c.Close():
            return _close(incident)
        case _:
            assert_never(command)


def may_merge(incident: Incident) -> bool:
    """Whether it may become part of another one: nobody has taken it, deployed for it, or reopened it."""
    untouched = incident.status == "open" and incident.hotfix is None
    return untouched and incident.kind == "detected" and not incident.kept_apart


def against_resolving(incident: Incident, *, dismissing: bool = False) -> str | None:
    """Why an ongoing incident cannot be resolved or dismissed now, in words; None where it can."""
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
    """What was only requested is withdrawn at the end; what is already under way is waited for."""
    if against := against_resolving(incident, dismissing=event.how == "false_alarm"):
        raise Refused(against)
    hotfix = incident.hotfix
    if hotfix is None or hotfix.stage != "chosen":
        return (event,)
    return event, e.HotfixRejected(option=hotfix.option, reason=WITHDRAWN)


def missing_to_close(incident: Incident) -> tuple[Missing, ...]:
    """What a resolved incident is still waiting for before it may be closed."""
    hotfix = incident.hotfix
    answer: tuple[Missing, ...] = ("follow_up",) if incident.follow_up is None else ()
    acting = hotfix is not None and hotfix.stage in UNFINISHED
    return (*answer, "hotfix") if acting else answer


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
