"""Prepares events for writing: encodes them, reads them back, and chains them to those before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from domain.errors import LogError, sanitized
from domain.incident.codec import decode_text, encode
from domain.incident.decide import REVISION
from domain.incident.events import Logged, Recorded
from domain.values import Actor
from workers.environment import redaction
from workers.store.log.chain import hashed, in_utc, spelled
from workers.store.seal import of_event, seal

JOINT = "\x1e"
"""Joins the columns of several events: a control character, which JSON never contains unescaped."""


class Origin(NamedTuple):
    """Who asked, under which idempotency key, when (aware), and because of which event."""

    actor: Actor
    key: str
    at: datetime
    cause: str | None = None


class Head(NamedTuple):
    """The end of a stream: its newest version and that event's hash (0 and empty before the first)."""

    stream: str
    version: int = 0
    hash: bytes = b""


class EncodedEvents(NamedTuple):
    """Events about to be written: as they will read back, and as the parameters of their statement."""

    recorded: tuple[Recorded, ...]
    parameters: dict[str, Any]
    head: Head
    """The end of the stream once they are written."""


def draft(head: Head, events: Sequence[Logged], origin: Origin) -> EncodedEvents:
    """
    Chain `events` to `head` and seal them; only what a rule decided may be drafted.

    Raises:
        LogError: an event would not read back as written (for instance because of an infinite number in it),
            or its time has no zone.
    """
    if origin.at.tzinfo is None:
        raise LogError(f"{origin.at} has no zone; give the time of an event in UTC")
    stream, version, before = head
    kind, actor = origin.actor.kind, origin.actor.id
    rows: list[dict[str, Any]] = []  # a call like `list[…]()` takes longer than hashing an event
    recorded: list[Recorded] = []
    at = in_utc(origin.at)
    written_at = spelled(at)
    for part, event in enumerate(events):
        version += 1
        row = _row(stream, version, part, event, origin, written_at)
        if (clean := redaction.data(row["data"])) != row["data"]:  # what is in the log stays there
            event = decode_text(event.wire_name, event.schema_version, clean)  # noqa: PLW2901
            row = _row(stream, version, part, event, origin, written_at)
        before = hashed(before, orjson.dumps(row))
        shared = (REVISION, actor, kind, at, origin.cause, origin.key, part)
        columns = (*shared, event.schema_version, stream, version, event.wire_name)
        proof = seal(of_event(before, columns, row["data"]))
        row |= {"hash": before, "rules": REVISION, "seal": proof}
        rows.append(row)
        recorded.append(Recorded(stream, version, at, kind, actor, origin.cause, origin.key, event))
    parameters = _joined(rows) if len(rows) > 1 else dict(*rows)
    return EncodedEvents(tuple(recorded), parameters, Head(stream, version, before))


def _row(stream: str, version: int, part: int, event: Logged, origin: Origin, at: str) -> dict[str, Any]:
    """The columns of an event that its hash covers, in their order."""
    return {
        "actor": origin.actor.id,
        "actor_kind": origin.actor.kind,
        "at": at,
        "cause": origin.cause,
        "data": _written(event),
        "key": origin.key,
        "part": part,
        "schema_version": event.schema_version,
        "stream": stream,
        "version": version,
        "wire_name": event.wire_name,
    }


def _joined(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The parameters of several events: shared values once, the rest joined."""
    names = ("wire_name", "schema_version", "data")
    columns = {name: JOINT.join([str(row[name]) for row in rows]) for name in names}
    proofs = {name: b"".join([row[name] for row in rows]) for name in ("hash", "seal")}
    # A card has a version, too: that of the last of them.
    return {**rows[0], "first": rows[0]["version"], **columns, **proofs}


def _written(event: Logged) -> str:
    """The event's text; refused if it cannot be read back, as it would stop every follower for ever."""
    try:
        data = orjson.dumps(encode(event), option=orjson.OPT_SORT_KEYS).decode()
        # By their fields: both belong to the class that the wire name stands for.
        same = vars(decode_text(event.wire_name, event.schema_version, data)) == vars(event)
    except (ValidationError, orjson.JSONEncodeError) as error:
        raise LogError(f"{event.wire_name} cannot be written as JSON: {sanitized(error)}") from error
    if not same:
        raise LogError(f"{event.wire_name} would not read back as it was written; is a number in it NaN?")
    return data
