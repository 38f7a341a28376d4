"""
Events to JSON values and back, by wire name. Old versions can be read for ever.

Adding or dropping a field, or changing its type, makes a new schema version, and `UPCASTS` says how to read
the previous one. Every version ever written is kept under `tests/domain/incident/wire` and read by a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from pydantic_core import from_json

from domain.errors import LogError
from domain.incident.events import Event, Logged

EVENTS: dict[str, type[Event]] = {
    member.wire_name: member for union in get_args(Logged) for member in (get_args(union) or (union,))
}
"""Wire name → class; complete: a test compares it with the union."""


def _as_it_was(data: dict[str, Any]) -> dict[str, Any]:
    """The fields that the next version adds may be left out."""
    return data


UPCASTS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("hotfix.chosen", 1): _as_it_was,
    ("hotfix.approved", 1): _as_it_was,
    ("hotfix.approved", 2): _as_it_was,
    ("hotfix.applied", 1): _as_it_was,
    ("hotfix.applied", 2): _as_it_was,
    ("hotfix.widened", 1): _as_it_was,
    ("hotfix.refuted", 1): _as_it_was,
    ("hotfix.watched", 1): _as_it_was,
    ("menu.prepared", 1): _as_it_was,
    ("menu.prepared", 2): _as_it_was,
    ("menu.prepared", 3): _as_it_was,
    ("menu.prepared", 4): _as_it_was,
    ("menu.prepared", 5): _as_it_was,
    ("hotfix.revert_requested", 1): _as_it_was,
    ("hotfix.revert_requested", 2): _as_it_was,
    ("diagnosis.gathered", 1): _as_it_was,
    ("diagnosis.gathered", 2): _as_it_was,  # the next version also knows evidence of kind `precedent`
    ("diagnosis.gathered", 3): _as_it_was,
    ("follow_up.proposed", 1): _as_it_was,
    ("follow_up.answered", 1): _as_it_was,
    ("follow_up.answered", 2): _as_it_was,
    ("incident.opened", 1): _as_it_was,
    ("finding.repeated", 1): _as_it_was,
    ("finding.joined", 1): _as_it_was,  # the next version also knows the same `items`
    ("finding.joined", 2): _as_it_was,
    ("finding.joined", 3): _as_it_was,  # the next version also knows the same `cause`
}
"""(Wire name, version) → converts its JSON values to the next version's; for all but the newest version."""


def encode(event: Logged) -> dict[str, Any]:
    """JSON values of an event, without its wire name."""
    # What `model_dump` does once it has gone through its dozen options; every event passes through here.
    values: dict[str, Any] = event.__pydantic_serializer__.to_python(event, mode="json")
    return values


def decode(wire_name: str, schema_version: int, data: dict[str, Any]) -> Logged:
    """
    The event that these JSON values spell.

    Raises:
        LogError: a wire name or a version that this release does not know.
    """
    cls = EVENTS.get(wire_name)
    if cls is None or not 1 <= schema_version <= cls.schema_version:
        raise LogError(
            f"the log holds {wire_name} version {schema_version}, which this release cannot read; "
            "run the release that wrote it, or a later one"
        )
    for version in range(schema_version, cls.schema_version):
        data = UPCASTS[wire_name, version](data)
    return cls.model_validate(data)  # type: ignore[return-value]  # EVENTS holds the members of the union only


def decode_text(wire_name: str, schema_version: int, text: str) -> Logged:
    """The same from JSON text: one pass, half the time of `decode`."""
    straight = _STRAIGHT.get((wire_name, schema_version))
    if straight is None:
        return decode(wire_name, schema_version, from_json(text))
    return straight(text)


_STRAIGHT: dict[tuple[str, int], Callable[[str], Logged]] = {
    (name, cls.schema_version): cls.__pydantic_validator__.validate_json for name, cls in EVENTS.items()
}
"""(Wire name, newest version) → its validator, which needs no upcasting."""
