"""How it ends, and what the practice learns."""

from __future__ import annotations

from typing import Literal, assert_never

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import Events, not_closed, said
from domain.incident.state import Incident, Stage
from domain.values import Improvement

Missing = Literal["follow_up", "hotfix"]
UNFINISHED: frozenset[Stage] = frozenset({"approved", "applied", "reverting"})
"""Stages in which the workers still do something with the hotfix."""


def end(incident: Incident, command: c.Ending) -> Events:
    """Resolved, reopened, learned from, closed."""
    match command:
        case c.Resolve():
            if incident.status in ("resolved", "closed"):
                return ()
            reason = said(command.reason, "Say how it was resolved.")
            return (e.IncidentResolved(how=command.how, reason=reason),)
        case c.Dismiss():
            if incident.status in ("resolved", "closed"):
                return ()
            reason = said(command.reason, "Say why this is not an incident; the check learns from it.")
            return (e.IncidentResolved(how="false_alarm", reason=reason),)
        case c.Reopen():
            if incident.status not in ("resolved", "closed"):
                return ()
            return (e.IncidentReopened(reason=said(command.reason, "Say why it is opened again.")),)
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


def missing_to_close(incident: Incident) -> tuple[Missing, ...]:
    """What a resolved incident still waits for before it may be closed."""
    hotfix = incident.hotfix
    answer: tuple[Missing, ...] = ("follow_up",) if incident.follow_up is None else ()
    acting = hotfix is not None and hotfix.stage in UNFINISHED
    return (*answer, "hotfix") if acting else answer


def _answer(incident: Incident, improvement: Improvement) -> Events:
    not_closed(incident)
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
    missing = missing_to_close(incident)
    if "follow_up" in missing:
        raise Refused(
            f"#{incident.number} cannot be closed yet. The follow-up is missing: could it have been detected "
            "faster, or predicted? Could it have been diagnosed faster? What changes: a check, a threshold, "
            "a log, a hotfix, or a stated reason for nothing?"
        )
    if incident.hotfix is not None and "hotfix" in missing:
        raise Refused(
            f"#{incident.number} cannot be closed: its hotfix is {incident.hotfix.stage}; wait for the end."
        )
    return (e.IncidentClosed(),)
