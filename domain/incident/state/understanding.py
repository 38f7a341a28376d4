"""What events of its opening, its people and its diagnosis change in an incident."""

from __future__ import annotations

from typing import Any, assert_never

from domain.incident import events as e
from domain.incident.menu import with_former
from domain.incident.state.correction import first_correctable
from domain.incident.state.incident import DRAW, Bundle, Incident, Score, without
from domain.values import Diagnosis, Moment

FoundOut = (
    e.EvidenceFound
    | e.DiagnosisGathered
    | e.DiagnosisFailed
    | e.DiagnosisRequested
    | e.BundleKept
    | e.BundleFailed
    | e.PictureDrawn
    | e.MenuPrepared
    | e.PredictionScored
)


def opened(record: e.Recorded, event: e.IncidentOpened) -> Incident:
    """The incident that this event opens."""
    asked = (record.id, record.at)
    awaits = {"announce": asked} if event.finding is None else {"announce": asked, "diagnose": asked}
    return Incident(
        stream=record.stream,
        number=event.number,
        title=event.title,
        kind=event.kind,
        severity=event.severity,
        fingerprint=event.fingerprint,
        description=event.description,
        first_finding=event.finding,
        finding=event.finding,
        findings_count=0 if event.finding is None else 1,
        opened_at=record.at,
        opened_by=record.actor,
        awaits=awaits,
        correctable=first_correctable(record),
        given_by={"opened_at": record.id},
        version=record.version,
        last_event_id=record.id,
        last_at=record.at,
    )


def of_understanding(incident: Incident, record: e.Recorded, event: e.Understanding) -> dict[str, Any]:
    """The fields of the incident that this event changes."""
    match event:
        case e.FindingRepeated():
            count = incident.findings_count + 1
            return {"finding": event.finding, "findings_count": count, "cleared_at": None}
        case e.FindingJoined():
            return {"also": (*incident.also, event.finding)}
        case e.FindingCleared():
            return {"cleared_at": record.at}
        case e.IncidentAcknowledged():
            return {
                "status": "acknowledged",
                "acknowledged_at": record.at,
                "acknowledged_by": record.actor,
                "assignee": record.actor,
            }
        case e.IncidentAssigned():
            return {"assignee": event.person}
        case e.SeverityChanged():
            return {"severity": event.severity, "judged": record.actor_kind == "person"}
        case e.NoteAdded():
            return {}
        case e.IncidentSilenced():
            return {"silenced_until": event.until}
        case e.MessagePosted():
            messages = (*incident.messages, (event.channel, event.message))
            return {"messages": messages, "awaits": without(incident, "announce")}
        case _:
            return _found_out(incident, record, event)


def _found_out(incident: Incident, record: e.Recorded, event: FoundOut) -> dict[str, Any]:
    match event:
        case e.EvidenceFound():
            return {
                "evidence_so_far": (*incident.evidence_so_far, event.piece),
                "evidenced_at": incident.evidenced_at or record.at,
            }
        case e.DiagnosisGathered():
            return {**_diagnosed(incident, record, event.diagnosis), "awaits": _menu_owed(incident, record)}
        case e.DiagnosisFailed():
            failed = {"diagnosis_failure": event.reason, "evidence_so_far": ()}
            return {**failed, "awaits": _menu_owed(incident, record)}
        case e.DiagnosisRequested():
            # What is known can still be read, and chosen from, until there is something newer.
            awaits = {**without(incident, "menu"), "diagnose": (record.id, record.at)}
            return {"evidence_so_far": (), "awaits": awaits}
        case e.BundleKept():
            return {"bundle": Bundle(diagnosis=event.diagnosis, root=event.root)}
        case e.BundleFailed():
            return {"bundle": Bundle(diagnosis=event.diagnosis, root=None)}
        case e.PictureDrawn():
            newest = event.picture or incident.drawn_again
            return {"drawn_again": newest, "awaits": without(incident, DRAW)}
        case e.MenuPrepared():
            return _offered(incident, event)
        case e.PredictionScored():
            return {"score": Score(**event.model_dump())}
        case _:
            assert_never(event)


def _diagnosed(incident: Incident, record: e.Recorded, diagnosis: Diagnosis) -> dict[str, Any]:
    """The diagnosis; what was kept and drawn for the previous one is dropped."""
    return {
        "evidence_so_far": (),
        "evidenced_at": incident.evidenced_at or record.at,
        "diagnosis": diagnosis,
        "drawn_again": None,
        "diagnosed_at": incident.diagnosed_at or record.at,
        "diagnosis_failure": None,
        "bundle": None,
        "onset_at": _onset(incident, diagnosis),
    }


def _menu_owed(incident: Incident, record: e.Recorded) -> dict[str, tuple[str, Moment]]:
    awaits = without(incident, "diagnose")
    return awaits if incident.merged_into is not None else {**awaits, "menu": (record.id, record.at)}


def _offered(incident: Incident, event: e.MenuPrepared) -> dict[str, Any]:
    """The new menu; the former one is kept, as somebody may still press a button drawn from it."""
    former = {"former": with_former(incident.former, incident.menu)} if incident.menu else {}
    return {
        "menu": event.options,
        "menu_note": event.note,
        "left_out": event.left_out,
        "awaits": without(incident, "menu"),
        **former,
    }


def _onset(incident: Incident, diagnosis: Diagnosis) -> Moment | None:
    """When it began: as corrected by a person, else by the newest diagnosis that knows."""
    before = incident.diagnosis
    corrected = before is None or incident.onset_at != before.since
    if corrected and incident.onset_at is not None:
        return incident.onset_at
    return diagnosis.since or incident.onset_at
