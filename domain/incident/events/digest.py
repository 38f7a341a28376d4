"""The scorecard of a week in the chat. It is of no incident: it stands in a stream of its own."""

from __future__ import annotations

from domain.incident.events.event import Event
from domain.values import Moment

DIGESTS = "digests"
"""The stream of these events, one a workspace. It has no card."""


class DigestDue(Event):
    """
    The scorecard of a week is to be posted.

    `due_at` is the declared moment, whenever it was noticed. `recommender` is whose it is: several may
    post in one channel at the same time.
    """

    wire_name = "digest.due"
    due_at: Moment
    recommender: str


class DigestPosted(Event):
    """The one that was due at `due_at` stands in the chat: the id of its `channel`, and of its `message`."""

    wire_name = "digest.posted"
    due_at: Moment
    channel: str
    message: str
