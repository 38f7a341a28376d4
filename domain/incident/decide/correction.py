"""Whatever was recorded wrongly may be corrected: by a new event that names the wrong one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_never

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import Events, said
from domain.incident.state import Correctable, Incident, Part, TimeField

NAMES: dict[Part, str] = {
    "time": "time",
    "onset": "onset",
    "note": "note to reword",
    "severity": "severity",
}

MOST_DIGITS = 18
"""Most digits of a version; anything longer is not one."""

ORDER: tuple[tuple[TimeField, TimeField], ...] = (
    ("opened_at", "acknowledged_at"),
    ("opened_at", "diagnosed_at"),
    ("opened_at", "mitigated_at"),
    ("opened_at", "resolved_at"),
    ("mitigated_at", "resolved_at"),
)
"""Pairs of times: the second is never before the first, and is present only where the first is."""


def correct(incident: Incident, command: c.Correction, at: datetime) -> Events:
    """
    The correction that `command` asks for, at any time in an incident's life, even after it is closed.

    Raises:
        Refused: there is no such event, it says nothing of the kind, nothing changes, or the time is
            impossible.
    """
    reason, event = _why(command), command.event
    match command:
        case c.CorrectTime():
            happened_at = command.at.astimezone(UTC)
            _differs(incident, event, _find(incident, event, "time").at, happened_at)
            _possible(incident, event, happened_at, at)
            return (e.TimeCorrected(corrects=event, happened_at=happened_at, reason=reason),)
        case c.CorrectOnset():
            since = command.since.astimezone(UTC)
            _differs(incident, event, _find(incident, event, "onset").onset_at, since)
            _not_to_come(since, at)
            return (e.OnsetCorrected(corrects=event, since=since, reason=reason),)
        case c.CorrectNote():
            text = said(command.text, "The corrected note is empty: say what it should read.")
            _differs(incident, event, _find(incident, event, "note").text, text)
            return (e.NoteCorrected(corrects=event, text=text, reason=reason),)
        case c.CorrectSeverity():
            _differs(incident, event, _find(incident, event, "severity").severity, command.severity)
            return (e.SeverityCorrected(corrects=event, severity=command.severity, reason=reason),)
        case _:
            assert_never(command)


def _why(command: c.Correction) -> str:
    return said(command.reason, "Say why it is corrected: whoever reads the timeline later wants to know.")


def _find(incident: Incident, event: str, part: Part) -> Correctable:
    version = _version(event)
    if not (event == f"{incident.stream}:{version}" and 1 <= version <= incident.version):
        raise Refused(
            f"#{incident.number} has no event {event!r}. `recsysops correct {incident.number}` lists those "
            "that can be corrected."
        )
    found = incident.correctable.get(event)
    if found is None:
        raise Refused(
            f"Event {version} of #{incident.number} cannot be corrected: only notes, severities, and the "
            "times of opening, acknowledging, diagnosis, repair and resolution can. Say in a note what is "
            "right."
        )
    if part not in found.parts:
        can = " and ".join(NAMES[one] for one in found.parts)
        raise Refused(
            f"Event {version} of #{incident.number} has no {NAMES[part]}; what can be corrected in it: {can}."
        )
    return found


def _version(event: str) -> int:
    last = event.rpartition(":")[2]
    return int(last[:MOST_DIGITS]) if last.isdecimal() else 0


def _differs(incident: Incident, event: str, before: object, after: object) -> None:
    if before == after:
        raise Refused(f"Nothing changes: event {_version(event)} of #{incident.number} says that already.")


def _not_to_come(moment: datetime, at: datetime) -> None:
    if moment > at:
        raise Refused(f"{moment:%Y-%m-%d %H:%M %Z} is still to come; a correction says what has been.")


def _possible(incident: Incident, event: str, happened_at: datetime, at: datetime) -> None:
    """Refuse times that would put steps out of order, so that no step has a negative duration."""
    _not_to_come(happened_at, at)
    moved: dict[TimeField, datetime] = {
        field: happened_at if by == event else getattr(incident, field)
        for field, by in incident.given_by.items()
    }
    if any(then in moved and moved[then] < moved[first] for first, then in ORDER):
        raise Refused(
            f"{happened_at:%Y-%m-%d %H:%M %Z} would turn the order of the steps around: opened first, then "
            "acknowledged, diagnosed and repaired, then resolved. Correct the other time first."
        )
