"""A channel in Slack: the announcer posts there, and who reads the channel's history is the terminal."""

from __future__ import annotations

from typing import Literal

from domain.recommender.witness import Witness
from workers.witnesses.kind import Kind


class SlackWitness(Witness):
    """`channel`: `#name` or id; best one that people read and in which they cannot delete."""

    kind: Literal["slack"]
    channel: str
    """Channel, by `#name` or id; best one in which people cannot delete messages."""


KIND = Kind("slack", SlackWitness, None)
