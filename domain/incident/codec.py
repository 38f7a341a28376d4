"""
Events to JSON values and back, by wire name. Old versions can be read for ever.

An event may gain fields that have a default, which makes a new schema version; any other change takes another
wire name. So this release reads every earlier version as it is. Every version ever written is kept under
`tests/domain/incident/wire` and read by a test.
"""

from __future__ import annotations

from typing import Any, get_args

from domain.errors import LogError
from domain.incident.events import Event, Logged

EVENTS: dict[str, type[Event]] = {
    member.wire_name: member for union in get_args(Logged) for member in (get_args(union) or (union,))
}
"""Wire name → class; complete: a test compares it with the union."""


def encode(event: Logged) -> dict[str, Any]:
    """JSON values of an event, without its wire name."""
    # What `model_dump` does once it has gone through its dozen options; every event passes through here.
    values: dict[str, Any] = event.__pydantic_serializer__.to_python(event, mode="json")
    return values


def decode_text(wire_name: str, schema_version: int, text: str) -> Logged:
    """
    The event that this JSON text spells.

    Raises:
        LogError: a wire name or a version that this release does not know.
    """
    cls = EVENTS.get(wire_name)
    if cls is None or not 1 <= schema_version <= cls.schema_version:
        raise LogError(
            f"the log holds {wire_name} version {schema_version}, which this release cannot read; "
            "run the release that wrote it, or a later one"
        )
    decoded: Logged = cls.__pydantic_validator__.validate_json(text)
    return decoded
