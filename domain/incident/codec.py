"""Events to JSON values and back, by wire name. Old spellings are read for ever."""

from __future__ import annotations

from typing import Any, get_args

from domain.errors import LogError
from domain.incident.events import Event, IncidentEvent

EVENTS: dict[str, type[Event]] = {
    member.wire_name: member for union in get_args(IncidentEvent) for member in (get_args(union) or (union,))
}
"""Wire name → class, complete: a test holds it against the union."""


def encode(event: IncidentEvent) -> dict[str, Any]:
    """JSON values of an event, without its wire name."""
    return event.model_dump(mode="json")


def decode(wire_name: str, schema_version: int, data: dict[str, Any]) -> IncidentEvent:
    """
    The event that these JSON values spell.

    Raises:
        LogError: a wire name or a version that this release does not know.
    """
    cls = EVENTS.get(wire_name)
    if cls is None or schema_version > cls.schema_version:
        raise LogError(
            f"the log holds {wire_name} version {schema_version}, which this release cannot read; "
            "run the release that wrote it, or a later one"
        )
    return cls.model_validate(data)  # type: ignore[return-value]  # EVENTS holds the members of the union only
