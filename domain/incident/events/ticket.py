"""The ticket of an incident, where the team plans its work."""

from __future__ import annotations

from domain.incident.events.event import Event
from domain.values import Moment, Value


class Outstanding(Value):
    """
    What is left to do towards a permanent fix: the follow-up that was agreed (`check: Alarm on …`), and the
    hotfix that stays in force until then, by its label.
    """

    follow_up: str | None = None
    hotfix: str | None = None
    applied_at: Moment | None = None
    expires_at: Moment | None = None

    @property
    def anything(self) -> bool:
        """Whether anything is left to do."""
        return self.follow_up is not None or self.hotfix is not None


class TicketRequested(Event):
    """A ticket about what is outstanding is to be opened in the tracker with this name."""

    wire_name = "ticket.requested"
    tracker: str
    outstanding: Outstanding


class TicketOpened(Event):
    """`ticket` is what the tracker calls it; `url` is empty where it has no address."""

    wire_name = "ticket.opened"
    tracker: str
    ticket: str
    url: str = ""


class TicketUpdateRequested(Event):
    """The ticket is to say what is outstanding now; it is closed where nothing is."""

    wire_name = "ticket.update_requested"
    outstanding: Outstanding


class TicketUpdated(Event):
    """The ticket was updated; `closed` where nothing was left to do."""

    wire_name = "ticket.updated"
    closed: bool


class TicketClosed(Event):
    """
    Somebody closed the ticket in its tracker: its follow-up is done, or `dropped` as not to be done. `option`
    is the hotfix that was still in force then.
    """

    wire_name = "ticket.closed"
    ticket: str
    dropped: bool
    follow_up: str | None = None
    option: str | None = None
