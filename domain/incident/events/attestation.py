"""What people vouch for, for an audit. It is of no incident: it stands in a stream of its own."""

from __future__ import annotations

from domain.incident.events.event import Event
from domain.values import How, Moment

AUDIT = "audit"
"""The stream of these events, one a workspace. It has no card."""


class AttestationGiven(Event):
    """
    Whoever says so vouches, up to `until`, that a test of the rubric is done: by a person now and then, or by
    itself again and again. `link` leads to where that can be seen.
    """

    wire_name = "attestation.given"
    test: str
    how: How
    link: str
    until: Moment


class AttestationWithdrawn(Event):
    """Nobody vouches for this test any more."""

    wire_name = "attestation.withdrawn"
    test: str
