"""
What a button carries: the incident and the version it was drawn at, the hotfix, and the digest of the menu
that the numbers come from. Never JSON.
"""

from __future__ import annotations

from typing import NamedTuple

from domain.errors import Stale
from domain.incident.state import Incident

SEPARATOR = "|"
PARTS = 4


class Target(NamedTuple):
    """What a press refers to. It comes back from a client, so it is looked up and never trusted."""

    stream: str
    version: int
    option: str | None
    menu: str


def spell(incident: Incident, option: str | None = None) -> str:
    """The value of a button on this incident's card."""
    menu = incident.menu_digest if option else ""
    return SEPARATOR.join((incident.stream, str(incident.version), option or "", menu))


def parse(value: str) -> Target:
    """
    Parse a button's value.

    Raises:
        Stale: it is not one of ours, or a release that spelled it differently wrote it.

    >>> parse("incident-1|4|fill_language|9f86d081884c7d65")
    Target(stream='incident-1', version=4, option='fill_language', menu='9f86d081884c7d65')
    """
    parts = value.split(SEPARATOR)
    if len(parts) != PARTS or not parts[0] or not parts[1].isdecimal():
        raise Stale("This button is from an older version. Open the incident with `/recsysops status`.")
    return Target(parts[0], int(parts[1]), parts[2] or None, parts[3])
