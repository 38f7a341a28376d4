"""An event of the log as a value, made from its columns."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from domain.incident.codec import decode_text
from domain.incident.events import Recorded
from workers.store.chain import in_utc

READ = "stream, version, at, actor_kind, actor, cause, key, wire_name, schema_version, data"
"""The columns that an event is made from, in the order of `from_row`."""


def from_row(row: tuple[Any, ...]) -> Recorded:
    """The event of a row: the columns of `READ`, and its position."""
    stream, version, at, actor_kind, actor, cause, key, wire_name, schema_version, data, position = row
    event = decode_text(wire_name, schema_version, data)
    # Past the constructor, which takes twice as long: this is done for each event that is ever read.
    return _new(Recorded, (stream, version, in_utc(at), actor_kind, actor, cause, key, event, position))


def recorded_from(row: Any) -> Recorded:
    """The event of a row of `events` that has names."""
    return from_row((*_in_row(row), row.get("position", 0)))


_new = tuple.__new__
_in_row = itemgetter(*READ.split(", "))
