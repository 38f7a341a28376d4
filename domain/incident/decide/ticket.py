"""What an incident's ticket has to say, and when it is opened, updated and closed."""

from __future__ import annotations

from typing import assert_never

from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import DEPLOYED, Events
from domain.incident.state import TICKET, TICKET_UPDATE, Hotfix, Incident, Ticket

STAYS = DEPLOYED - {"applied"}
"""Stages in which a hotfix is past its watch and acts until it is reverted or expires."""


def outstanding(incident: Incident) -> e.Outstanding:
    """What is left to do towards a permanent fix."""
    found, hotfix = e.Outstanding(follow_up=_agreed(incident)), _staying(incident)
    if hotfix is None:
        return found
    option = incident.option(hotfix.option)
    in_force = {
        "hotfix": option.label if option else hotfix.option,
        "applied_at": hotfix.applied_at,
        "expires_at": hotfix.expires_at,
    }
    return found.model_copy(update=in_force)


def _agreed(incident: Incident) -> str | None:
    """The permanent change that was agreed, in words, until it is done or dropped."""
    answer = incident.follow_up
    if answer is None or answer.change == "nothing" or incident.follow_up_ended_at is not None:
        return None
    return f"{answer.change}: {answer.detail}"


def _staying(incident: Incident) -> Hotfix | None:
    hotfix = incident.hotfix
    return hotfix if hotfix is not None and hotfix.stage in STAYS else None


def keep_in_step(incident: Incident, command: c.OfTicket) -> Events:
    """Keep the ticket up to date; late or repeated answers from workers change nothing."""
    if isinstance(command, c.RequestTicket):
        return _requested(incident, command.tracker)
    ticket = incident.ticket
    if ticket is None:
        return ()
    match command:
        case c.RecordTicketOpened():
            if TICKET not in incident.awaits:
                return ()
            return (e.TicketOpened(tracker=ticket.tracker, ticket=command.ticket, url=command.url),)
        case c.RequestTicketUpdate():
            return _update(incident, ticket)
        case c.RecordTicketUpdated():
            if TICKET_UPDATE not in incident.awaits:
                return ()
            return (e.TicketUpdated(closed=not ticket.outstanding.anything),)
        case c.RecordTicketClosed():
            return _closed(incident, ticket, command.dropped)
        case _:
            assert_never(command)


def _requested(incident: Incident, tracker: str) -> Events:
    """Open one ticket at a time; after one was closed, another only for what it did not say."""
    found, ticket = outstanding(incident), incident.ticket
    if not found.anything or (ticket is not None and not _beyond(ticket, found)):
        return ()
    return (e.TicketRequested(tracker=tracker, outstanding=found),)


def _beyond(ticket: Ticket, found: e.Outstanding) -> bool:
    """Whether something is left that this closed ticket did not say: a follow-up or another hotfix."""
    if ticket.closed_at is None:
        return False
    return found.follow_up is not None or found.applied_at != ticket.outstanding.applied_at


def _update(incident: Incident, ticket: Ticket) -> Events:
    hotfix = incident.hotfix
    if not ticket.is_open or TICKET_UPDATE in incident.awaits:
        return ()
    if hotfix is not None and hotfix.stage == "reverting":
        return ()  # the update waits until the revert succeeds or fails
    found = outstanding(incident)
    return () if found == ticket.outstanding else (e.TicketUpdateRequested(outstanding=found),)


def _closed(incident: Incident, ticket: Ticket, dropped: bool) -> Events:
    if ticket.id is None or ticket.closed_at is not None or not ticket.outstanding.anything:
        return ()  # a ticket with nothing left to say is being closed by us
    stated = ticket.before if TICKET_UPDATE in incident.awaits else ticket.outstanding
    found, hotfix = outstanding(incident), _staying(incident)
    return (
        e.TicketClosed(
            ticket=ticket.id,
            dropped=dropped,
            # Whoever closed it has read what it says, but nothing that came up since.
            follow_up=found.follow_up if found.follow_up == stated.follow_up else None,
            option=hotfix.option if hotfix is not None and found.applied_at == stated.applied_at else None,
        ),
    )
