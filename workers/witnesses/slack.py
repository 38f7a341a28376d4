"""A channel in Slack: the announcer posts there, and the terminal reads the channel's history."""

from __future__ import annotations

from typing import Literal

from domain.recommender.witness import Witness
from workers.witnesses.kind import Kind


class SlackWitness(Witness):
    """`channel`: `#name` or id; ideally one that people read and cannot delete messages in."""

    kind: Literal["slack"]
    channel: str
    """Channel, by `#name` or id; ideally one in which people cannot delete messages."""


KIND = Kind("slack", SlackWitness, None)
