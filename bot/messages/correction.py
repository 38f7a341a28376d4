"""What can be corrected in an incident, in words, and the command for what somebody enters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple, assert_never, get_args

from domain.errors import Refused, Stale
from domain.incident import commands as c
from domain.incident.state import Correctable, Incident, Part
from domain.values import Severity

PARTS: tuple[Part, ...] = get_args(Part)
STEPS: dict[str, str] = {
    "incident.opened": "opened",
    "incident.acknowledged": "acknowledged",
    "diagnosis.gathered": "diagnosed",
    "severity.changed": "severity changed",
    "note.added": "note written",
    "hotfix.verified": "repair verified",
    "incident.resolved": "resolved",
}
"""Complete: a test compares it with what the state says can be corrected."""


class Choice(NamedTuple):
    """One correctable entry: which part of which event (its id), what it is, and what it says."""

    part: Part
    event: str
    name: str
    says: str

    @property
    def version(self) -> str:
        """The event's number within its incident."""
        return self.event.rpartition(":")[2]

    @property
    def key(self) -> str:
        """What identifies the choice in a form; see `read_key`."""
        return f"{self.part}|{self.event}"


def choices(incident: Incident) -> list[Choice]:
    """
    Everything that can be corrected, newest first.

    Raises:
        Refused: nothing can be corrected.
    """
    if not incident.correctable:
        raise Refused(f"The events of #{incident.number} are in an archive; nothing of it can be corrected.")
    return [
        Choice(part, event, _name(part, says), _says(part, says))
        for event, says in reversed(incident.correctable.items())
        for part in says.parts
    ]


def read_key(key: str) -> tuple[Part, str]:
    """
    The part and the event of a choice.

    Raises:
        Stale: the key is from another release.

    >>> read_key("note|incident-1:4")
    ('note', 'incident-1:4')
    """
    part, _, event = key.partition("|")
    for known in PARTS:
        if known == part:
            return known, event
    raise Stale("This form is of an earlier release. Open it again from the incident's message.")


def order(part: Part, event: str, right: str, reason: str) -> c.Correction:
    """
    The command to correct this part of this event.

    Raises:
        Refused: what was entered is not a time, or not a severity.
    """
    match part:
        case "time":
            return c.CorrectTime(event=event, at=moment(right), reason=reason)
        case "onset":
            return c.CorrectOnset(event=event, since=moment(right), reason=reason)
        case "note":
            return c.CorrectNote(event=event, text=right, reason=reason)
        case "severity":
            return c.CorrectSeverity(event=event, severity=severity(right), reason=reason)
        case _:
            assert_never(part)


def moment(entered: str) -> datetime:
    """
    A time that a person entered; UTC if they name no zone.

    Raises:
        Refused: it cannot be read.

    >>> moment("2026-03-01 02:41").isoformat()
    '2026-03-01T02:41:00+00:00'
    """
    try:
        read = datetime.fromisoformat(entered.strip().upper().removesuffix("UTC").strip())
    except ValueError as error:
        raise Refused(f"{entered.strip()!r} is not a time: write it as 2026-03-01 02:41, in UTC.") from error
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)


def severity(entered: str) -> Severity:
    """
    A severity that a person entered.

    Raises:
        Refused: there is no severity of that name.
    """
    try:
        return Severity(entered.strip().upper())
    except ValueError as error:
        raise Refused(f"{entered!r} is not a severity: SEV1 (worst), SEV2, SEV3 or SEV4.") from error


def _name(part: Part, says: Correctable) -> str:
    match part:
        case "time":
            return f"Time of “{STEPS[says.wire_name]}”"
        case "onset":
            return "When it began"
        case "note":
            return "Note"
        case "severity":
            return "Severity"
        case _:
            assert_never(part)


def _says(part: Part, says: Correctable) -> str:
    match part:
        case "time":
            return _minute(says.at)
        case "onset":
            return _minute(says.onset_at) if says.onset_at else "not known"
        case "note":
            return says.text or ""
        case "severity":
            return says.severity.value if says.severity else ""
        case _:
            assert_never(part)


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
