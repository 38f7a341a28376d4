"""Is the log what was written, and are the cards what the log says?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, select

from domain.errors import LogError, Tampered
from domain.incident.state import Incident, evolve
from domain.values import Value
from workers.store import cards
from workers.store.events import canonical_matches, recorded_from, row_name
from workers.store.tables import CardRow, EventRow

ROWS_AT_ONCE = 2_000

_EVENTS = EventRow.__table__  # type: ignore[attr-defined]
_CARDS = CardRow.__table__  # type: ignore[attr-defined]


class Verified(Value):
    """What was walked through, without finding anything wrong."""

    events: int
    streams: int
    cards: int


def verify(log: Engine) -> Verified:
    """
    Walk every stream's hash chain, replay it, and hold its card against the replay.

    Raises:
        Tampered: names the first event or card that does not fit.
    """
    events = streams = 0
    with log.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        for stream, rows in groupby(_rows(connection), key=lambda row: row["stream"]):
            incident, count = _walk(stream, rows)
            _fits(connection, incident)
            events, streams = events + count, streams + 1
        kept = set(connection.execute(select(_CARDS.c.stream)).scalars())
        written = set(connection.execute(select(_EVENTS.c.stream).distinct()).scalars())
    if strays := sorted(kept - written):
        raise Tampered(f"The card of {strays[0]} has no events; somebody wrote it by hand.")
    return Verified(events=events, streams=streams, cards=len(kept))


def _rows(connection: Connection) -> Iterator[Any]:
    query = select(_EVENTS).order_by(_EVENTS.c.stream, _EVENTS.c.version)
    for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query):
        yield row._mapping


def _walk(stream: str, rows: Iterator[Any]) -> tuple[Incident, int]:
    before, incident, count = b"", None, 0
    for row in rows:
        count += 1
        if row["version"] != count:
            raise Tampered(f"{stream} has no version {count}: the next event is {row_name(row)}.")
        if not canonical_matches(before, row):
            raise Tampered(f"{row_name(row)} is not what was written: its hash does not fit its content.")
        before = bytes(row["hash"])
        try:
            incident = evolve(incident, recorded_from(row))
        except (LogError, ValidationError) as error:
            raise Tampered(f"{row_name(row)} cannot be replayed: {error}") from error
    if incident is None:
        raise Tampered(f"{stream} has no events.")
    return incident, count


def _fits(connection: Connection, incident: Incident) -> None:
    row = connection.execute(select(_CARDS).where(_CARDS.c.stream == incident.stream)).first()
    if row is None:
        raise Tampered(f"{incident.stream} has events but no card.")
    kept, expected = dict(row._mapping), cards.row_of(incident)
    try:
        same = Incident.model_validate_json(kept.pop("incident")) == incident
    except ValidationError:
        same = False
    expected.pop("incident")
    if not same or kept != expected:
        raise Tampered(f"The card of {incident.stream} (#{incident.number}) is not what its events say.")
