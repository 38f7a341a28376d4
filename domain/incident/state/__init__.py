"""What an incident is now: a fold over its events. Only `evolve` changes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domain.errors import LogError
from domain.incident import events as e
from domain.incident.state.correction import marked, of_correction
from domain.incident.state.ending import of_ending
from domain.incident.state.follow_up import of_follow_up
from domain.incident.state.hotfix import of_hotfix
from domain.incident.state.incident import (
    DRAW,
    TICKET,
    TICKET_UPDATE,
    Correctable,
    Hotfix,
    Incident,
    LastMeasurement,
    Outcome,
    Part,
    Promise,
    Score,
    Spent,
    Stage,
    Status,
    Ticket,
    TimeField,
)
from domain.incident.state.ticket import of_ticket
from domain.incident.state.understanding import of_understanding, opened

__all__ = [
    "DRAW",
    "TICKET",
    "TICKET_UPDATE",
    "Correctable",
    "Hotfix",
    "Incident",
    "LastMeasurement",
    "Outcome",
    "Part",
    "Promise",
    "Score",
    "Spent",
    "Stage",
    "Status",
    "Ticket",
    "TimeField",
    "evolve",
    "replay",
]


def replay(recorded: Iterable[e.Recorded]) -> Incident | None:
    """The incident after these events; None before the first."""
    incident: Incident | None = None
    for record in recorded:
        incident = evolve(incident, record)
    return incident


def evolve(incident: Incident | None, record: e.Recorded) -> Incident:
    """
    The incident one event later.

    Raises:
        LogError: no rule could have written this event here.
    """
    if incident is None:
        if isinstance(record.event, e.IncidentOpened):
            return opened(record, record.event)
        raise LogError(
            f"stream {record.stream} does not begin with incident.opened; run `recsysops events verify`"
        )
    changes = _changes(incident, record)
    seen = {"version": record.version, "last_event_id": record.id, "last_at": record.at}
    return incident.model_copy(update={**changes, **seen})


def _changes(incident: Incident, record: e.Recorded) -> dict[str, Any]:
    event = record.event
    if isinstance(event, e.IncidentOpened):
        raise LogError(f"stream {record.stream} opens twice; run `recsysops events verify`")
    if isinstance(event, e.AttestationGiven | e.HotfixRehearsed):
        raise LogError(f"stream {record.stream} is of an incident and holds {event.wire_name}")
    if isinstance(event, e.Correction):
        return of_correction(incident, event)
    if isinstance(event, e.OfHotfix):
        changes = of_hotfix(incident, record, event)
    elif isinstance(event, e.Ending):
        changes = of_ending(incident, record, event)
    elif isinstance(event, e.OfFollowUp):
        changes = of_follow_up(incident, record, event)
    elif isinstance(event, e.OfTicket):
        changes = of_ticket(incident, record, event)
    else:
        changes = of_understanding(incident, record, event)
    return {**changes, **marked(incident, record, changes)}
