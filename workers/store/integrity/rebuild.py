"""Rebuilds the cards from the events, while the system runs."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Engine

from domain.errors import LogError, VersionConflict
from domain.incident.events import CARDLESS
from domain.incident.state import Incident, replay
from domain.values import Value
from workers.store import cards
from workers.store.log.events import archived, head_of, read_stream

Progress = Callable[[int, int], None]
"""`progress(done, in_all)`."""

_STREAMS = """
SELECT DISTINCT stream FROM events WHERE stream <> ALL(%(cardless)s)
AND NOT EXISTS (SELECT FROM archived WHERE archived.stream = events.stream) ORDER BY stream
"""
STRAY = """
DELETE FROM cards WHERE NOT EXISTS (SELECT FROM events WHERE events.stream = cards.stream)
AND NOT EXISTS (SELECT FROM archived WHERE archived.stream = cards.stream)
"""
_IN_THE_WAY = "DELETE FROM cards WHERE number = %(number)s AND stream <> %(stream)s RETURNING stream"
_NUMBER = "UPDATE cards SET number = %(number)s WHERE stream = %(stream)s"
_DELETE = "DELETE FROM cards WHERE stream = %(stream)s"


class Rebuilt(Value):
    """How many cards were rebuilt, how many without events were removed, how many are of archived events."""

    cards: int
    stray: int
    archived: int


def rebuild(log: Engine, progress: Progress | None = None) -> Rebuilt:
    """
    Rebuild every card from its events, each in a transaction of its own.

    The card of an incident whose events were archived is left as it is.

    Raises:
        LogError: events cannot be replayed, or two incidents opened under one number.
    """
    with log.begin() as connection:
        stray = connection.exec_driver_sql(STRAY).rowcount
        waiting = list(connection.exec_driver_sql(_STREAMS, {"cardless": list(CARDLESS)}).scalars())
        gone = connection.exec_driver_sql("SELECT count(DISTINCT stream) FROM archived").scalar_one()
    in_all, displaced = len(waiting), set[str]()
    for done, stream in enumerate(waiting, start=1):
        again = made_again(log, stream)
        if displaced & set(again):
            raise LogError(f"{stream} and {again[0]} were opened under one number; verify the log.")
        displaced.update(again)
        waiting.extend(again)
        if progress is not None:
            progress(min(done, in_all), in_all)
    return Rebuilt(cards=in_all, stray=stray, archived=gone)


def made_again(log: Engine, stream: str) -> list[str]:
    """
    As `again`; tried twice, because a writer may create the card at the same moment.

    Raises:
        LogError: the obstacle remains.
    """
    for last in (False, True):
        try:
            with log.begin() as connection:
                return again(connection, stream)
        except VersionConflict as error:
            if last:
                raise LogError(f"The card of {stream} could not be written: {error}") from error
    raise AssertionError("unreachable: the last try returns or raises")


def again(connection: Connection, stream: str) -> list[str]:
    """Rebuild one card; returns the streams whose cards wrongly had its number, and now have none."""
    freed: list[str] = []
    head = head_of(connection, stream)
    while incident := replay(read_stream(connection, stream)):
        freed += _freed(connection, incident)
        cards.keep(connection, incident)
        # The card is ours until this transaction ends; an earlier writer may have been ahead of us.
        before, head = head, head_of(connection, stream)
        if head == before:
            return freed
    card = cards.find(connection, stream) if archived(connection, stream) else None
    if card is None:
        connection.exec_driver_sql(_DELETE, {"stream": stream})
        return freed  # no rule decided any of its events
    freed += _freed(connection, card)
    connection.exec_driver_sql(_NUMBER, {"number": card.number, "stream": stream})
    return freed


def _freed(connection: Connection, incident: Incident) -> list[str]:
    """Remove the card that has an incident's number; returns its stream."""
    place = {"number": incident.number, "stream": incident.stream}
    return list(connection.exec_driver_sql(_IN_THE_WAY, place).scalars())
