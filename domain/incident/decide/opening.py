"""How an incident begins."""

from __future__ import annotations

from typing import assert_never

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import Events
from domain.incident.state import Incident


def begin(incident: Incident | None, command: c.Opening) -> Events:
    """A new incident; or, where one is open, a repeat of its finding."""
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
    # A forecast is always for the same day; that it cleared and has come back is recorded all the same.
    back = command.finding.kind == "predicted" and incident.cleared_at is not None
    if last is not None and command.finding.window_end <= last.window_end and not back:
        return ()
    repeated = e.FindingRepeated(finding=command.finding)
    if incident.judged or command.finding.severity >= incident.severity:  # a person's judgement stays
        return (repeated,)
    reason = f"worse than at first: {command.finding.title}"
    grown = e.SeverityChanged(severity=command.finding.severity, reason=reason)
    return (repeated, grown)
