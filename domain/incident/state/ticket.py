"""What an event of its ticket changes in an incident."""

from __future__ import annotations

from typing import Any, assert_never

from domain.errors import LogError
from domain.incident import events as e
from domain.incident.state.incident import TICKET, TICKET_UPDATE, Incident, Ticket, without


def of_ticket(incident: Incident, record: e.Recorded, event: e.OfTicket) -> dict[str, Any]:
    """The fields of the incident that this event of its ticket changes."""
    if isinstance(event, e.TicketRequested):
        asked = Ticket(tracker=event.tracker, asked_by=record.id, outstanding=event.outstanding)
        return {"ticket": asked, "awaits": {**incident.awaits, TICKET: (record.id, record.at)}}
    ticket = incident.ticket
    if ticket is None:
        raise LogError(f"{event.wire_name} in {record.stream} before a ticket was asked for")
    match event:
        case e.TicketOpened():
            opened = {"id": event.ticket, "url": event.url}
            return {
                "ticket": ticket.model_copy(update=opened),
                "awaits": without(incident, TICKET),
            }
        case e.TicketUpdateRequested():
            says = ticket.model_copy(update={"outstanding": event.outstanding, "before": ticket.outstanding})
            return {"ticket": says, "awaits": {**incident.awaits, TICKET_UPDATE: (record.id, record.at)}}
        case e.TicketUpdated():
            closed_at = record.at if event.closed else None
            closed = ticket.model_copy(update={"closed_at": closed_at})
            return {"ticket": closed, "awaits": without(incident, TICKET_UPDATE)}
        case e.TicketClosed():
            ended = {"closed_at": record.at, "closed_by_somebody": True, "dropped": event.dropped}
            changes: dict[str, Any] = {
                "ticket": ticket.model_copy(update=ended),
                "awaits": without(incident, TICKET_UPDATE),
            }
            return {**changes, "follow_up_ended_at": record.at} if event.follow_up else changes
        case _:
            assert_never(event)
