"""What the ticket of an incident has to say, and when it is opened, updated and closed."""

from __future__ import annotations

from typing import assert_never

from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import DEPLOYED, Events
from domain.incident.state import TICKET, TICKET_UPDATE, Incident, Ticket

STAYS = DEPLOYED - {"applied"}
"""Stages of a hotfix that is past its watch and acts until somebody, or its end, takes it back."""


def outstanding(incident: Incident) -> e.Outstanding:
    """What is left to do for good."""
    answer, hotfix = incident.follow_up, incident.hotfix
    agreed = answer is not None and answer.change != "nothing" and incident.follow_up_ended_at is None
    found = e.Outstanding(follow_up=f"{answer.change}: {answer.detail}" if answer and agreed else None)
    if hotfix is None or hotfix.stage not in STAYS:
        return found
    option = incident.option(hotfix.option)
    in_force = {
        "hotfix": option.label if option else hotfix.option,
        "applied_at": hotfix.applied_at,
        "expires_at": hotfix.expires_at,
    }
    return found.model_copy(update=in_force)


def keep_in_step(incident: Incident, command: c.OfTicket) -> Events:
    """Answers of workers: late or repeated ones change nothing."""
    ticket = incident.ticket
    match command:
        case c.RequestTicket():
            return _requested(incident, command.tracker)
        case c.RecordTicketOpened():
            if ticket is None or TICKET not in incident.awaits:
                return ()
            return (e.TicketOpened(tracker=ticket.tracker, ticket=command.ticket, url=command.url),)
        case c.RequestTicketUpdate():
            return _update(incident)
        case c.RecordTicketUpdated():
            if ticket is None or TICKET_UPDATE not in incident.awaits:
                return ()
            return (e.TicketUpdated(closed=not ticket.outstanding.anything),)
        case c.RecordTicketClosed():
            return _closed(incident, command.dropped)
        case _:
            assert_never(command)


def _requested(incident: Incident, tracker: str) -> Events:
    """One ticket at a time; after one was closed another only for what that one did not say."""
    found, ticket = outstanding(incident), incident.ticket
    if not found.anything or (ticket is not None and not _beyond(ticket, found)):
        return ()
    return (e.TicketRequested(tracker=tracker, outstanding=found),)


def _beyond(ticket: Ticket, found: e.Outstanding) -> bool:
    if ticket.closed_at is None:
        return False
    another = found.hotfix is not None and found.applied_at != ticket.outstanding.applied_at
    return found.follow_up is not None or another


def _update(incident: Incident) -> Events:
    ticket, hotfix = incident.ticket, incident.hotfix
    if ticket is None or not ticket.is_open or TICKET_UPDATE in incident.awaits:
        return ()
    if hotfix is not None and hotfix.stage == "reverting":
        return ()  # said once it is reverted, or could not be
    found = outstanding(incident)
    return () if found == ticket.outstanding else (e.TicketUpdateRequested(outstanding=found),)


def _closed(incident: Incident, dropped: bool) -> Events:
    ticket, hotfix = incident.ticket, incident.hotfix
    if ticket is None or ticket.id is None or not ticket.is_open or not ticket.outstanding.anything:
        return ()  # what has nothing left to say is being closed by ourselves
    acting = hotfix is not None and hotfix.stage in STAYS
    return (
        e.TicketClosed(
            ticket=ticket.id,
            dropped=dropped,
            follow_up=outstanding(incident).follow_up,
            option=hotfix.option if hotfix and acting else None,
        ),
    )
