"""What may be corrected in an incident, and what a correction changes."""

from __future__ import annotations

from typing import Any, assert_never, get_args

from domain.incident import events as e
from domain.incident.state.incident import Correctable, Incident, Part, TimeField

TIMES: tuple[TimeField, ...] = get_args(TimeField)


def of_correction(incident: Incident, event: e.Correction) -> dict[str, Any]:
    """The fields of the incident that this correction changes: the newest correction of an event holds."""
    before = incident.correctable[event.corrects]
    match event:
        case e.TimeCorrected():
            after = before.model_copy(update={"at": event.happened_at})
            given = [field for field, by in incident.given_by.items() if by == event.corrects]
            changes: dict[str, Any] = dict.fromkeys(given, event.happened_at)
        case e.OnsetCorrected():
            after = before.model_copy(update={"onset_at": event.since})
            changes = {"onset_at": event.since}
        case e.NoteCorrected():
            after, changes = before.model_copy(update={"text": event.text}), {}
        case e.SeverityCorrected():
            after = before.model_copy(update={"severity": event.severity})
            holds = event.corrects == _judged_by(incident)
            changes = {"severity": event.severity, "judged": True} if holds else {}
        case _:
            assert_never(event)
    return {**changes, "correctable": {**incident.correctable, event.corrects: after}}


def marked(incident: Incident, record: e.Recorded, changes: dict[str, Any]) -> dict[str, Any]:
    """What an event leaves behind for a later correction: what it says, and which times come from it."""
    marks: dict[str, Any] = {}
    if says := _says(record):
        marks["correctable"] = {**incident.correctable, record.id: says}
    given = [field for field in TIMES if field in changes and changes[field] != getattr(incident, field)]
    if given:
        kept = {field: by for field, by in incident.given_by.items() if field not in given}
        new = {field: record.id for field in given if changes[field] is not None}
        marks["given_by"] = {**kept, **new}
    return marks


def first_correctable(record: e.Recorded) -> dict[str, Correctable]:
    """What may be corrected in an incident that consists only of this event."""
    says = _says(record)
    return {record.id: says} if says else {}


def _judged_by(incident: Incident) -> str | None:
    """The event that set the current severity."""
    judged = [id_ for id_, says in incident.correctable.items() if says.severity is not None]
    return judged[-1] if judged else None


def _says(record: e.Recorded) -> Correctable | None:
    event = record.event
    parts: tuple[Part, ...]
    match event:
        case e.IncidentOpened():
            # If a check found it, the diagnosis says when it began; if a person did, nothing else does.
            parts = ("time", "severity", "onset") if event.finding is None else ("time", "severity")
            about: dict[str, Any] = {"severity": event.severity}
        case e.DiagnosisGathered():
            parts, about = ("time", "onset"), {"onset_at": event.diagnosis.since}
        case e.SeverityChanged():
            parts, about = ("time", "severity"), {"severity": event.severity}
        case e.NoteAdded():
            parts, about = ("time", "note"), {"text": event.text}
        case e.IncidentAcknowledged() | e.HotfixVerified() | e.IncidentResolved():
            parts, about = ("time",), {}
        case _:
            return None
    return Correctable(wire_name=event.wire_name, at=record.at, parts=parts, **about)
