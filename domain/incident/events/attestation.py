"""What people vouch for in an audit. It belongs to no incident and has a stream of its own."""

from __future__ import annotations

from domain.incident.events.event import Event
from domain.values import How, Moment

AUDIT = "audit"
"""The stream of these events, one per workspace. It has no card."""


class AttestationGiven(Event):
    """
    The actor vouches, up to `until`, that a test of the rubric is done: by people now and then, or
    automatically again and again. `link` leads to where that can be seen.
    """

    wire_name = "attestation.given"
    test: str
    how: How
    link: str
    until: Moment
