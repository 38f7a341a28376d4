"""Opens tickets and updates them with what is left: each once, by the id of the event that asked for it."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import ConfigurationError
from domain.incident import commands as c
from domain.incident.state import Ticket
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from workers.environment.settings import surroundings
from workers.log.obligations import Work
from workers.trackers.kind import Tracker, open_tracker
from workers.trackers.words import comment, draft


def open_ticket(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """Open the ticket, or find the one opened by a worker that died."""
    ticket = _in_hand(work)
    tracker = tracker_of(recommender, ticket.tracker)
    found = tracker.open(
        work.obligation.event_id, draft(work.incident, ticket.outstanding), work.obligation.since
    )
    return (c.RecordTicketOpened(ticket=found.ticket, url=found.url),)


def update_ticket(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """Report what is left to do; close the ticket if nothing is."""
    ticket = _in_hand(work)
    if ticket.id is not None:
        says, closes = comment(work.incident, ticket), not ticket.outstanding.anything
        tracker = tracker_of(recommender, ticket.tracker)
        tracker.tell(ticket.id, work.obligation.event_id, says, closes=closes)
    return (c.RecordTicketUpdated(),)


def tracker_of(recommender: Recommender, name: str) -> Tracker:
    """
    The declared tracker of this name.

    Raises:
        ConfigurationError: it is no longer declared, or what it needs is missing.
    """
    declared = recommender.trackers.get(name)
    if declared is None:
        right = nearest(name, recommender.trackers) if recommender.trackers else "none is"
        raise ConfigurationError(f"no tracker “{name}” is declared in recsysops.toml; {right}")
    return open_tracker(declared, surroundings())


def _in_hand(work: Work) -> Ticket:
    ticket = work.incident.ticket
    assert ticket is not None  # noqa: S101 - only what is owed gets here
    return ticket
