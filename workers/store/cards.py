"""
The card of each incident: written with its events, read by everything that shows or asks.

A card is a fold over events and may be made again at any time. It names the shape of `Incident` that made it;
where a newer release reads an older shape, it folds the events instead, so no card is ever half understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from time import monotonic
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, func, select, true

from domain.incident.decide import DEPLOYED
from domain.incident.events import Recorded
from domain.incident.state import Incident, replay
from workers.store import events
from workers.store.connection import cursor
from workers.store.draft import Draft, Head
from workers.store.tables import CardRow

_CARDS = CardRow.__table__  # type: ignore[attr-defined]

MOST_KNOWN = 256
GUESS_SECONDS = 60.0
"""For how long what this process wrote last may be taken for where an incident stands."""

_known: WeakKeyDictionary[Engine, dict[str, Known]] = WeakKeyDictionary()
"""By store and stream, what this process wrote last."""

HIGHEST_NUMBER = 2**31 - 1
"""What PostgreSQL's integer holds; whoever asks for more gets no incident, not an error."""

_COLUMNS = (
    "stream",
    "number",
    "status",
    "severity",
    "fingerprint",
    "opened_at",
    "owes",
    "expires_at",
    "version",
    "incident",
    "shape",
    "unscored",
)

_VALUES = ", ".join(f"%(card_{name})s" for name in _COLUMNS)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
UPSERT = (
    f"INSERT INTO cards ({', '.join(_COLUMNS)}) VALUES ({_VALUES}) "  # noqa: S608 - constants
    f"ON CONFLICT ON CONSTRAINT cards_pkey DO UPDATE SET {_CHANGES}"
)

_STAND = """
SELECT answered.stream AS answered, CASE WHEN newest.hash = %(known)s THEN NULL ELSE cards.incident END,
    cards.shape, newest.version, newest.hash
FROM (SELECT) AS one
LEFT JOIN (SELECT stream FROM events WHERE key = %(key)s AND part = 0) AS answered ON true
LEFT JOIN cards ON cards.stream = %(stream)s
LEFT JOIN (
    SELECT version, hash FROM events WHERE stream = %(stream)s ORDER BY version DESC LIMIT 1
) AS newest ON true
"""


class Known(NamedTuple):
    """An incident, its newest event's hash (which says all that happened), and when that was written."""

    incident: Incident
    hash: bytes
    since: float


@dataclass(frozen=True)
class Stand:
    """Where an incident stands, all of one moment; `answered`: the stream a key was answered in before."""

    answered: str | None
    incident: Incident | None
    head: Head


def guess(connection: Connection, stream: str) -> Stand | None:
    """
    Where an incident stands if nobody else wrote: whoever appends after it is told when somebody did.

    None where this process has not written to it lately, or closed it: of a closed one the events may be in
    an archive, and then nobody would be told.
    """
    known = _known_to(connection).get(stream)
    if known is None or known.incident.status == "closed" or monotonic() - known.since > GUESS_SECONDS:
        return None
    return Stand(None, known.incident, Head(stream, known.incident.version, known.hash))


def stand(connection: Connection, stream: str, key: str) -> Stand:
    """Everything that deciding needs, in one question."""
    at_hand = _known_to(connection).get(stream)
    known, incident = (at_hand.hash, at_hand.incident) if at_hand else (b"", None)
    found = cursor(connection).execute(_STAND, {"stream": stream, "key": key, "known": known}).fetchone()
    answered, card, made_by, version, newest_hash = found or (None, None, None, None, b"")
    if version is None:
        return Stand(answered, None, Head(stream))
    if newest_hash != known:
        incident = _read(card, made_by)
    if incident is None or incident.version != version:
        # Of an older release, or gone: the events know. They may have grown since; the append will say so.
        incident = _folded(connection, stream)
    return Stand(answered, incident, Head(stream, version, newest_hash))


def append(connection: Connection, draft: Draft, incident: Incident) -> tuple[Recorded, ...]:
    """
    Write events and the card that they make, in one statement.

    Raises:
        VersionConflict: somebody else appended first, or another incident took the number.
    """
    card = {f"card_{name}": value for name, value in row_of(incident).items()}
    statement = events.insert(len(draft.recorded) > 1, UPSERT)
    events.write(connection, statement, {**draft.parameters, **card})
    known = _known_to(connection)
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[incident.stream] = Known(incident, draft.head.hash, monotonic())
    return draft.recorded


def doubt(connection: Connection, stream: str) -> None:
    """Guess no more where this incident stands until this process has written to it again."""
    _known_to(connection).pop(stream, None)


def _known_to(connection: Connection) -> dict[str, Known]:
    return _known.setdefault(connection.engine, {})


def keep(connection: Connection, incident: Incident) -> None:
    """
    Write a card that was made again.

    Raises:
        VersionConflict: another incident has its number.
    """
    events.write(connection, UPSERT, {f"card_{name}": value for name, value in row_of(incident).items()})


def row_of(incident: Incident) -> dict[str, Any]:
    """The columns of an incident's card."""
    return {
        "stream": incident.stream,
        "number": incident.number,
        "status": incident.status,
        "severity": incident.severity.value,
        "fingerprint": incident.fingerprint,
        "opened_at": incident.opened_at,
        "owes": bool(incident.awaits),
        "expires_at": _expires_at(incident),
        "version": incident.version,
        # Without what is as in every new incident: PostgreSQL packs what is longer than 2 kB, at a price.
        "incident": incident.model_dump_json(exclude_defaults=True),
        "shape": shape(),
        "unscored": incident.kind == "predicted" and incident.score is None,
    }


@lru_cache(maxsize=1)
def shape() -> str:
    """The shape of `Incident` in this release, as 16 hexadecimal digits."""
    schema = orjson.dumps(Incident.model_json_schema(), option=orjson.OPT_SORT_KEYS)
    return sha256(schema).hexdigest()[:16]


def find(connection: Connection, stream_or_number: str | int) -> Incident | None:
    """The incident of a stream, or of a number (`142`, `"142"` or `"#142"`)."""
    asked = str(stream_or_number).removeprefix("#")
    if asked.isdecimal():
        wanted = _CARDS.c.number == min(int(asked), HIGHEST_NUMBER)
    else:
        wanted = _CARDS.c.stream == asked
    found = _some(connection, wanted)
    return found[0] if found else None


def unclosed(connection: Connection, fingerprint: str) -> str | None:
    """The stream of the newest incident of a fingerprint that is not closed."""
    query = select(_CARDS.c.stream).where(_CARDS.c.fingerprint == fingerprint, _CARDS.c.status != "closed")
    return connection.execute(query.order_by(_CARDS.c.number.desc()).limit(1)).scalar_one_or_none()


def times_seen(connection: Connection, fingerprint: str) -> int:
    """How many incidents a fingerprint has had."""
    query = select(func.count()).select_from(_CARDS).where(_CARDS.c.fingerprint == fingerprint)
    return int(connection.execute(query).scalar_one())


def next_number(connection: Connection) -> int:
    """One more than the highest number; asked while the right to open is held, so numbers have no gaps."""
    return int(connection.execute(select(func.coalesce(func.max(_CARDS.c.number), 0))).scalar_one()) + 1


def every(connection: Connection, status: str | tuple[str, ...] | None = None) -> list[Incident]:
    """The incidents with this status (or any of these; or all), newest first."""
    statuses = (status,) if isinstance(status, str) else status
    return _some(connection, true() if statuses is None else _CARDS.c.status.in_(statuses))


def open_or_opened_since(connection: Connection, moment: datetime) -> list[Incident]:
    """The incidents that are not closed, and all that were opened at `moment` or later; newest first."""
    return _some(connection, (_CARDS.c.status != "closed") | (_CARDS.c.opened_at >= moment))


def page(
    connection: Connection,
    *,
    statuses: tuple[str, ...] = (),
    severities: tuple[str, ...] = (),
    below: int | None = None,
    limit: int = 50,
) -> list[Incident]:
    """
    One page of incidents, newest first.

    Args:
        statuses, severities: only these; all where empty.
        below: only numbers below this one: the last number of the page before.
    """
    wanted: ColumnElement[bool] = true()
    if statuses:
        wanted &= _CARDS.c.status.in_(statuses)
    if severities:
        wanted &= _CARDS.c.severity.in_(severities)
    if below is not None:
        wanted &= _CARDS.c.number < below
    return _some(connection, wanted, limit=limit)


def newest(connection: Connection, fingerprint: str) -> Incident | None:
    """The newest incident of a fingerprint, closed or not."""
    found = _some(connection, _CARDS.c.fingerprint == fingerprint, limit=1)
    return found[0] if found else None


def unscored(connection: Connection) -> list[Incident]:
    """The predictions of which it was not yet said whether they came true, oldest first."""
    return _some(connection, _CARDS.c.unscored)[::-1]


def to_remind(connection: Connection) -> list[Incident]:
    """The incidents that await an answer, or whose hotfix will expire, oldest first."""
    return _some(connection, _CARDS.c.owes | _CARDS.c.expires_at.is_not(None))[::-1]


def _some(connection: Connection, wanted: ColumnElement[bool], limit: int | None = None) -> list[Incident]:
    query = select(_CARDS.c.incident, _CARDS.c.shape, _CARDS.c.stream).where(wanted)
    rows = connection.execute(query.order_by(_CARDS.c.number.desc()).limit(limit)).all()
    found = (_read(row.incident, row.shape) or _folded(connection, row.stream) for row in rows)
    return [incident for incident in found if incident is not None]


def _folded(connection: Connection, stream: str) -> Incident | None:
    recorded = events.read_stream(connection, stream)
    if recorded and recorded[0].version > 1 and events.archived(connection, stream):
        return None  # its beginning is in an archive: there is nothing to fold it from
    return replay(recorded)


def _read(incident: str | None, made_by: str | None) -> Incident | None:
    return Incident.model_validate_json(incident) if incident and made_by == shape() else None


def _expires_at(incident: Incident) -> datetime | None:
    """When the hotfix has to be taken back, while it acts; kept as a column so that the clock finds it."""
    hotfix = incident.hotfix
    return hotfix.expires_at if hotfix and hotfix.stage in DEPLOYED else None
