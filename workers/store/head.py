"""
An incident's current state, as far as decisions need it, and the statement that writes what was decided.

The expected version ties both together: a decision based on an outdated state gets a `VersionConflict`.
"""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

from sqlalchemy import Connection

from domain.incident.events import Recorded
from domain.incident.state import Incident
from workers.store.cards import folded, read, row_of, upsert
from workers.store.connection import driver
from workers.store.log import events
from workers.store.log.encoder import EncodedEvents, Head

MOST_KNOWN = 256
GUESS_SECONDS = 60.0
"""How long what was written last may be taken for an incident's current state: far shorter than the days for
which a closed incident's events are kept."""

_STAND = """
SELECT answered.stream AS answered, CASE WHEN newest.hash = %(known)s THEN NULL ELSE cards.incident END,
    cards.shape, cards.seal, newest.version, newest.hash
FROM (SELECT) AS one
LEFT JOIN (SELECT stream FROM events WHERE key = %(key)s AND part = 0) AS answered ON true
LEFT JOIN cards ON cards.stream = %(stream)s
LEFT JOIN (
    SELECT version, hash FROM events WHERE stream = %(stream)s ORDER BY version DESC LIMIT 1
) AS newest ON true
"""


class Known(NamedTuple):
    """An incident, the hash of its newest event (which covers everything before), and when it was written."""

    incident: Incident
    hash: bytes
    since: float


class IncidentHead(NamedTuple):
    """An incident's state at one moment; `answered`: the stream in which a key was answered before."""

    answered: str | None
    incident: Incident | None
    head: Head


def guess(connection: Connection, stream: str) -> IncidentHead | None:
    """
    An incident's state if nobody else wrote since; if somebody did, the next append fails.

    None if nothing was written to it through this connection lately, or if it is closed: a closed incident's
    events may be in an archive, and then a stale guess would go unnoticed.
    """
    known: Known | None = driver(connection).known.get(stream)
    if known is None or known.incident.status == "closed" or monotonic() - known.since > GUESS_SECONDS:
        return None
    return IncidentHead(None, known.incident, Head(stream, known.incident.version, known.hash))


def head_of(connection: Connection, stream: str, key: str, whole: bool = False) -> IncidentHead:
    """
    Everything that a decision needs, in one query.

    Args:
        whole: with what may be corrected of its events, too.
    """
    under = driver(connection)
    at_hand: Known | None = under.known.get(stream)
    known, incident = (at_hand.hash, at_hand.incident) if at_hand else (b"", None)
    found = under.cursor.execute(_STAND, {"stream": stream, "key": key, "known": known}).fetchone()
    answered, card, made_by, seal, version, newest_hash = found or (None, None, None, None, None, b"")
    if version is None:
        return IncidentHead(answered, None, Head(stream))
    if newest_hash != known:
        incident = read(stream, card, made_by, seal)
    if whole or incident is None or incident.version != version:
        # It has no card, or an older release's, or lost it: the events know. They may have grown since;
        # the append will notice.
        incident = folded(connection, stream)
    return IncidentHead(answered, incident, Head(stream, version, newest_hash))


def append(connection: Connection, draft: EncodedEvents, incident: Incident) -> tuple[Recorded, ...]:
    """
    Write events and the card that follows from them, in one statement.

    Raises:
        VersionConflict: somebody else appended first, or another incident took the number.
    """
    under, _, known = driver(connection)
    statement = events.insert(len(draft.recorded) > 1, upsert)
    events.write(connection, statement, {**draft.parameters, **row_of(incident)})
    if under.connection.autocommit:  # otherwise it may be rolled back, and nobody would forget it
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[incident.stream] = Known(incident, draft.head.hash, monotonic())
    return draft.recorded


def doubt(connection: Connection, stream: str) -> None:
    """Stop guessing this incident's state until it was written to again."""
    driver(connection).known.pop(stream, None)
