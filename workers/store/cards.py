"""
The card of each incident: written with its events, read by everything that shows or asks.

A card is a fold over events and may be made again at any time. What of an incident may be corrected it leaves
out, as that grows with each event and only a correction asks for it. It names the shape of `Incident` that
made it; where a newer release reads an older shape, it folds the events instead, so no card is half
understood while there are events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, get_args

import orjson
import structlog
from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, select, true

from domain.incident.decide import DEPLOYED
from domain.incident.state import Incident, Status, replay
from domain.values import Severity
from workers.store import events, sums
from workers.store.connection import cursor
from workers.store.statement import Statement
from workers.store.tables import CardRow

_log = structlog.get_logger(__name__)
_CARDS = CardRow.__table__  # type: ignore[attr-defined]

_PAGE = """
SELECT incident, shape, stream FROM cards WHERE number = ANY (ARRAY(
    SELECT number
    FROM unnest(%(statuses)s::text[]) AS status, unnest(%(severities)s::text[]) AS severity, LATERAL (
        SELECT number FROM cards
        WHERE cards.status = status.status AND cards.severity = severity.severity AND number < %(below)s
        ORDER BY number DESC LIMIT %(most)s) AS newest
    ORDER BY number DESC LIMIT %(most)s)) OR number < 0
ORDER BY number DESC
"""
"""
Of each status and severity the newest by an index, then the newest of these: no filter makes it slow.

No number is below 0: two conditions make PostgreSQL gather the rows' places before it fetches them, and so
ask the disk for many at once. By one it fetches one after the other.
"""

_WORST = """
SELECT incident, shape, cards.stream FROM (
    SELECT number, severity FROM unnest(%(statuses)s::text[]) AS status,
        unnest(%(severities)s::text[]) AS severity, LATERAL (
            SELECT number FROM cards WHERE cards.status = status.status AND cards.severity = severity.severity
            ORDER BY number DESC LIMIT %(before)s + %(most)s) AS newest
    ORDER BY severity, number DESC OFFSET %(before)s LIMIT %(most)s) AS wanted
JOIN cards USING (number) ORDER BY wanted.severity, number DESC
"""
"""The numbers by an index alone; of the cards, only those of the page."""

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
    *sums.COLUMNS,
)

_SPELLED = {"number", "opened_at", "owes", "expires_at", "version", "unscored", "due_at", *sums.TOOK}
_VALUES = ", ".join(f"%({name}){'s' if name in _SPELLED else 'b'}" for name in _COLUMNS)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
UPSERT = (
    f"INSERT INTO cards ({', '.join(_COLUMNS)}) VALUES ({_VALUES}) "  # noqa: S608 - constants
    f"ON CONFLICT ON CONSTRAINT cards_pkey DO UPDATE SET {_CHANGES}"
)
_KEEP = Statement(UPSERT)


def keep(connection: Connection, incident: Incident) -> None:
    """
    Write a card that was made again.

    Raises:
        VersionConflict: another incident has its number.
    """
    events.write(connection, _KEEP, row_of(incident))


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
        "incident": _spelled(incident),
        "shape": shape(),
        "unscored": incident.kind == "predicted" and incident.score is None,
        **sums.row_of(incident),
    }


@lru_cache(maxsize=1)
def shape() -> str:
    """The shape of `Incident` in this release, as 16 hexadecimal digits."""
    kept = Incident.model_json_schema(mode="serialization")
    schema = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
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
    query = """SELECT stream FROM cards WHERE fingerprint = %s AND status <> 'closed'
        ORDER BY number DESC LIMIT 1"""
    found = cursor(connection).execute(query, (fingerprint,)).fetchone()
    return found[0] if found else None


def times_seen(connection: Connection, fingerprint: str) -> int:
    """How many incidents a fingerprint has had."""
    found = cursor(connection).execute("SELECT count(*) FROM cards WHERE fingerprint = %s", (fingerprint,))
    return int(found.fetchone()[0])  # type: ignore[index]  # a count is always one row


def next_number(connection: Connection) -> int:
    """One more than the highest number; asked while the right to open is held, so numbers have no gaps."""
    found = cursor(connection).execute("SELECT number FROM cards ORDER BY number DESC LIMIT 1").fetchone()
    return int(found[0]) + 1 if found else 1


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
    statuses: Sequence[str] = (),
    severities: Sequence[str] = (),
    below: int | None = None,
    limit: int = 50,
) -> list[Incident]:
    """
    One page of incidents, newest first.

    Args:
        statuses, severities: only these; all where empty.
        below: only numbers below this one: the last number of the page before.
    """
    wanted = {
        "statuses": list(statuses or get_args(Status)),
        "severities": list(severities or Severity),
        "below": HIGHEST_NUMBER if below is None else min(below, HIGHEST_NUMBER),
        "most": limit,
    }
    found = cursor(connection).execute(_PAGE, wanted).fetchall()
    return _incidents(connection, found)


def worst(connection: Connection, statuses: Sequence[str], page: int = 1, limit: int = 20) -> list[Incident]:
    """One page, from 1 on, of the incidents with these statuses: the worst first, of those the newest."""
    wanted = {
        "statuses": list(statuses),
        "severities": list(Severity),
        "before": (page - 1) * limit,
        "most": limit,
    }
    found = cursor(connection).execute(_WORST, wanted).fetchall()
    return _incidents(connection, found)


def newest(connection: Connection, fingerprint: str) -> Incident | None:
    """The newest incident of a fingerprint, closed or not."""
    found = _some(connection, _CARDS.c.fingerprint == fingerprint, limit=1)
    return found[0] if found else None


def unscored(connection: Connection) -> list[Incident]:
    """The predictions of which it was not yet said whether they came true, oldest first."""
    return _some(connection, _CARDS.c.unscored)[::-1]


def _some(connection: Connection, wanted: ColumnElement[bool], limit: int | None = None) -> list[Incident]:
    query = select(_CARDS.c.incident, _CARDS.c.shape, _CARDS.c.stream).where(wanted)
    rows = connection.execute(query.order_by(_CARDS.c.number.desc()).limit(limit)).all()
    return _incidents(connection, rows)


def _incidents(connection: Connection, rows: Iterable[Any]) -> list[Incident]:
    found = (
        read(incident, made_by) or folded(connection, stream) or _as_it_was(incident)
        for incident, made_by, stream in rows
    )
    return [incident for incident in found if incident is not None]


def folded(connection: Connection, stream: str) -> Incident | None:
    """The incident of a stream from its events; None where there are none, or its beginning is archived."""
    recorded = events.read_stream(connection, stream)
    if recorded and recorded[0].version > 1 and events.archived(connection, stream):
        return None  # its beginning is in an archive: there is nothing to fold it from
    return replay(recorded)


def read(incident: str | None, made_by: str | None) -> Incident | None:
    """What a card holds; None where another release made it."""
    return Incident.model_validate_json(incident) if incident and made_by == shape() else None


def _as_it_was(incident: str) -> Incident | None:
    """What this release knows of an older one's card: where its events are archived, nothing else is left."""
    try:
        return Incident.model_validate_json(incident, extra="ignore")
    except ValidationError as error:
        _log.warning("archived_card_not_read", error=str(error))
        return None


def kept_of(incident: Incident) -> Incident:
    """The same as its card keeps it."""
    return incident.model_copy(update={"correctable": {}})


def _spelled(incident: Incident) -> str:
    """
    Its JSON, without what is as in every new one: PostgreSQL packs what is longer than 2 kB, at a price.

    By what `model_dump_json` does after it has looked at its dozen options.
    """
    return incident.__pydantic_serializer__.to_json(incident, exclude_defaults=True).decode()


def _expires_at(incident: Incident) -> datetime | None:
    """When the hotfix has to be taken back, while it acts; kept as a column so that the clock finds it."""
    hotfix = incident.hotfix
    return hotfix.expires_at if hotfix and hotfix.stage in DEPLOYED else None
