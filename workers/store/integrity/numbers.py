"""
Which number the next incident gets: one above the newest opening that a rule decided.

Where such events were archived, sealed cards say the same. Everything else that is above was written by
somebody else with the program's role, and would keep the number from the incident that gets it.
"""

from __future__ import annotations

from sqlalchemy import Connection

from domain.incident.events import IncidentOpened
from workers.store import cards
from workers.store.connection import cursor
from workers.store.integrity.rebuild import STRAY, again
from workers.store.log.recorded import READ, from_rows

_OPENED = f"""
SELECT {READ}, 0, id FROM events WHERE wire_name = 'incident.opened' AND id < %s ORDER BY id DESC LIMIT 20
"""  # noqa: S608 - a constant
_STRAY = f"{STRAY} AND number > %s"
_ABOVE = "SELECT stream, number FROM cards WHERE number > %s ORDER BY number"
BEYOND = 2**63 - 1
"""Larger than any id."""


def next_number(connection: Connection) -> int:
    """
    One above the highest, with no card there or above.

    Called while holding the right to open, so numbers have no gaps.
    """
    highest = _newest(connection)
    cursor(connection).execute(_STRAY, (highest,))
    above = cursor(connection).execute(_ABOVE, (highest,)).fetchall()
    moved = []
    for stream, number in above:
        card = cards.find(connection, stream)
        if card is not None:
            highest = max(highest, card.number)  # above only where its events are archived
        if card is None or card.number != number:
            moved.append(stream)
    while moved:
        moved += again(connection, moved.pop())
    return highest + 1


def _newest(connection: Connection) -> int:
    """The number that was given last, as far as its event is in the store."""
    before = BEYOND
    while rows := cursor(connection).execute(_OPENED, (before,)).fetchall():
        for record in from_rows(row[:-1] for row in rows):
            if isinstance(record.event, IncidentOpened):
                return record.event.number
        before = rows[-1][-1]
    return 0
