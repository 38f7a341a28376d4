"""What a button carries: which incident, as it stood at which version, and which hotfix. Never JSON."""

from __future__ import annotations

from typing import NamedTuple

from domain.errors import Stale
from domain.incident.state import Incident

SEPARATOR = "|"


class Target(NamedTuple):
    """What a press is about. It comes back from a client, so nothing in it is believed but looked up."""

    stream: str
    version: int
    option: str | None


def spell(incident: Incident, option: str | None = None) -> str:
    """The value of a button on this incident's card."""
    return SEPARATOR.join((incident.stream, str(incident.version), option or ""))


def parse(value: str) -> Target:
    """
    What a button's value spells.

    Raises:
        Stale: it is not one of ours, or of a release that spelled it differently.

    >>> parse("incident-1|4|fill_language")
    Target(stream='incident-1', version=4, option='fill_language')
    """
    parts = value.split(SEPARATOR)
    if len(parts) != 3 or not parts[0] or not parts[1].isdecimal():
        raise Stale("This button is not readable any more. Open the incident with `/recsysops status`.")
    return Target(parts[0], int(parts[1]), parts[2] or None)
