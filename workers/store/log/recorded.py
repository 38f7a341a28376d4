"""
An event of the log as a value, made from its columns; and whether a rule decided it.

An event that no rule decided has no valid seal, and is passed over by everything that reads events to act on
them or to show them. `recsysops events verify` reports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from operator import itemgetter
from typing import Any

from domain.incident.codec import decode_text
from domain.incident.events import Recorded
from workers.store.log.chain import content_of, in_utc
from workers.store.seal import fits, of_event

_EVENT = "stream, version, at, actor_kind, actor, cause, key, wire_name, schema_version, data"
_PROOF = "part, hash, rules, seal"
READ = f"{_EVENT}, {_PROOF}, id"
"""The columns that an event is made from, in the order that `from_rows` expects."""


def from_rows(rows: Iterable[tuple[Any, ...]], border: int) -> Iterator[Recorded]:
    """
    The events of those rows that a rule decided.

    Args:
        rows: each with the columns of `READ`, and the position.
        border: the id up to which none is sealed (`workers.store.log.border`).
    """
    # Each row in one go, since calls would take a fifth of the time that a replay takes.
    for row in rows:
        (
            stream,
            version,
            at,
            kind,
            actor,
            cause,
            key,
            name,
            schema,
            data,
            part,
            hash_,
            rules,
            seal,
            id_,
            nth,
        ) = row
        if seal is None or rules is None:
            if id_ > border:
                continue
        else:
            content = content_of(actor, kind, at, cause, data, key, part, schema, stream, version, name)
            if not fits(of_event(content, hash_, rules), seal):
                continue
        at = at if at.tzinfo is UTC else in_utc(at)
        # Bypasses the constructor, which takes twice as long.
        yield _new(
            Recorded, (stream, version, at, kind, actor, cause, key, decode_text(name, schema, data), nth)
        )


def recorded_from(row: Any) -> Recorded:
    """The event of a row of `events` with named columns, whoever put it there."""
    return _made(_in_row(row), row.get("position", 0))


def decided(row: Any, unsealed: bool) -> bool:
    """
    Whether a rule decided the event of a row with named columns.

    Args:
        unsealed: it is from before events were sealed.
    """
    part, hash_, rules, seal = _in_proof(row)
    return _decided(_in_row(row), part, hash_, rules, seal, unsealed)


def _made(columns: Any, position: int) -> Recorded:
    stream, version, at, kind, actor, cause, key, name, schema, data = columns
    event = decode_text(name, schema, data)
    # Bypasses the constructor, which takes twice as long: this runs for every event that is read.
    return _new(Recorded, (stream, version, in_utc(at), kind, actor, cause, key, event, position))


def _decided(
    columns: Any, part: int, hash_: bytes, rules: int | None, seal: bytes | None, unsealed: bool
) -> bool:
    if seal is None or rules is None:
        return unsealed
    stream, version, at, kind, actor, cause, key, name, schema, data = columns
    content = content_of(actor, kind, at, cause, data, key, part, schema, stream, version, name)
    return fits(of_event(content, hash_, rules), seal)


_new = tuple.__new__
_in_row = itemgetter(*_EVENT.split(", "))
_in_proof = itemgetter(*_PROOF.split(", "))
