"""The card rebuilt from events."""

from __future__ import annotations

from collections.abc import Iterable

from domain.incident.events import Recorded
from domain.incident.state import Incident, replay
from workers.store import cards


def remade(events: Iterable[Recorded]) -> Incident:
    """The incident replayed, as its card keeps it."""
    incident = replay(events)
    assert incident is not None
    return cards.kept_of(incident)
