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
from workers.store.seal import fits, of_event, of_event_at_first

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
            at = in_utc(at)
        else:
            at = at if at.tzinfo is UTC else in_utc(at)
            columns = (rules, actor, kind, at, cause, key, part, schema, stream, version, name)
            if not fits(of_event(hash_, columns, data), seal) and not _at_first(columns, data, hash_, seal):
                continue
        # Bypasses the constructor, which takes twice as long.
        yield _new(
            Recorded, (stream, version, at, kind, actor, cause, key, decode_text(name, schema, data), nth)
        )


def recorded_from(row: Any) -> Recorded:
    """The event of a row of `events` with named columns, whoever put it there."""
    stream, version, at, kind, actor, cause, key, name, schema, data = _in_row(row)
    event, position = decode_text(name, schema, data), row.get("position", 0)
    return Recorded(stream, version, in_utc(at), kind, actor, cause, key, event, position)


def decided(row: Any, unsealed: bool) -> bool:
    """
    Whether a rule decided the event of a row with named columns.

    Args:
        unsealed: it is from before events were sealed.
    """
    hash_, seal, data = row["hash"], row["seal"], row["data"]
    if seal is None or row["rules"] is None:
        return unsealed
    columns = _in_seal({**row, "at": in_utc(row["at"])})
    return fits(of_event(hash_, columns, data), seal) or _at_first(columns, data, hash_, seal)


def sealed(row: Any) -> bytes:
    """What the seal of a row with named columns covers."""
    return of_event(row["hash"], _in_seal({**row, "at": in_utc(row["at"])}), row["data"])


def _at_first(columns: tuple[Any, ...], data: str, hash_: bytes, seal: bytes) -> bool:
    """Whether it is one of the first seals."""
    rules, *others = columns
    others.insert(4, data)
    return fits(of_event_at_first(hash_, rules, content_of(*others)), seal)


_new = tuple.__new__
_in_row = itemgetter(*_EVENT.split(", "))
_in_seal = itemgetter(
    *("rules", "actor", "actor_kind", "at", "cause", "key", "part"),
    *("schema_version", "stream", "version", "wire_name"),
)
