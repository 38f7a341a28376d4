"""The weekly scorecard in the chat. It belongs to no incident and has a stream of its own."""

from __future__ import annotations

from domain.incident.events.event import Event
from domain.values import Moment

DIGESTS = "digests"
"""The stream of these events, one per workspace. It has no card."""


class DigestDue(Event):
    """
    The scorecard of a week is to be posted.

    `due_at` is the declared moment, however late it was noticed. `recommender` says whose it is: several may
    post in one channel at the same time.
    """

    wire_name = "digest.due"
    due_at: Moment
    recommender: str


class DigestPosted(Event):
    """The digest due at `due_at` was posted: the ids of its `channel` and its `message`."""

    wire_name = "digest.posted"
    due_at: Moment
    channel: str
    message: str
