"""
Each incident's card: written together with its events, and read by everything that shows or queries.

A card is a fold over events and can be rebuilt at any time. It leaves out what may be corrected, because
that grows with each event and only a correction needs it. It names the shape of `Incident` that
made it; if a newer release finds an older shape, it folds the events instead, so that no card is half
understood while its events exist. It carries a seal: if that does not fit, somebody else wrote the card,
and the events are folded, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, get_args

import orjson
import structlog
from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, func, select, true

from domain.errors import sanitized
from domain.incident.decide.rule import ACTING
from domain.incident.followed import is_open
from domain.incident.state import Incident, Status, replay
from domain.values import Severity
from workers.environment import clock
from workers.store import sums
from workers.store.attempts import LONGEST_PAUSE
from workers.store.connection import cursor
from workers.store.log import events
from workers.store.log.statement import Statement
from workers.store.reminders import SLACK
from workers.store.seal import fits, seal
from workers.store.tables import CardRow, EventRow

_log = structlog.get_logger(__name__)
_CARDS = CardRow.__table__  # type: ignore[attr-defined]
_EVENTS = EventRow.__table__  # type: ignore[attr-defined]
_NEWEST_FIRST = _CARDS.c.number.desc()
_NEWEST = select(func.max(_EVENTS.c.version)).where(_EVENTS.c.stream == _CARDS.c.stream).scalar_subquery()

_PAGE = """
SELECT incident, shape, stream, seal FROM cards WHERE number = ANY (ARRAY(
    SELECT number
    FROM unnest(%(statuses)s::text[]) AS status, unnest(%(severities)s::text[]) AS severity, LATERAL (
        SELECT number FROM cards
        WHERE cards.status = status.status AND cards.severity = severity.severity AND number < %(below)s
        ORDER BY number DESC LIMIT %(most)s) AS newest
    ORDER BY number DESC LIMIT %(most)s)) OR number < 0
ORDER BY number DESC
"""
"""
The newest of each status and severity by an index, then the newest among these: no filter makes it slow.

No number is below 0, but two conditions make PostgreSQL collect the rows' places before it fetches them, and
so read many from disk at once. With only one it fetches them one after the other.
"""

_WORST = """
SELECT incident, shape, cards.stream, seal FROM (
    SELECT number, severity FROM unnest(%(statuses)s::text[]) AS status,
        unnest(%(severities)s::text[]) AS severity, LATERAL (
            SELECT number FROM cards WHERE cards.status = status.status AND cards.severity = severity.severity
            ORDER BY number DESC LIMIT %(before)s + %(most)s) AS newest
    ORDER BY severity, number DESC OFFSET %(before)s LIMIT %(most)s) AS wanted
JOIN cards USING (number) ORDER BY wanted.severity, number DESC
"""
"""The numbers from an index alone; only the page's cards are read."""

NEVER = datetime(9999, 12, 29, tzinfo=UTC)
"""The end of a hotfix that does not expire, and of a follow-up without a date: the last day of the column."""

HIGHEST_NUMBER = 2**31 - 1
"""The largest integer of PostgreSQL; for a larger number there is no incident, instead of an error."""

_COLUMNS = (
    "stream",
    "number",
    "status",
    "severity",
    "fingerprint",
    "opened_at",
    "owes",
    "expires_at",
    "follow_up_due",
    "version",
    "incident",
    "shape",
    "unscored",
    *sums.COLUMNS,
    "seal",
)

_SPELLED = {
    "number",
    "opened_at",
    "owes",
    "expires_at",
    "follow_up_due",
    "version",
    "unscored",
    "due_at",
    *sums.TOOK,
}
_VALUES = ", ".join(f"%({name}){'s' if name in _SPELLED else 'b'}" for name in _COLUMNS[:-1])
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])


def upsert(once: str = "") -> str:
    """The SQL that writes a card; `once`: a FROM clause, of one row, that has to be executed first."""
    return (
        f"INSERT INTO cards ({', '.join(_COLUMNS)}) SELECT {_VALUES}, %(card_seal)b {once} "
        f"ON CONFLICT ON CONSTRAINT cards_pkey DO UPDATE SET {_CHANGES}"
    )


_KEEP = Statement(upsert())


def keep(connection: Connection, incident: Incident) -> None:
    """
    Write a rebuilt card.

    Raises:
        VersionConflict: another incident has its number.
    """
    events.write(connection, _KEEP, row_of(incident))


def row_of(incident: Incident) -> dict[str, Any]:
    """The columns of an incident's card, with its seal as `card_seal`, because an event has a seal too."""
    spelled, made_by = _spelled(incident), shape()
    return {
        "stream": incident.stream,
        "number": incident.number,
        "status": incident.status,
        "severity": incident.severity.value,
        "fingerprint": incident.fingerprint,
        "opened_at": incident.opened_at,
        "owes": bool(incident.awaits) or is_open(incident),
        "expires_at": _expires_at(incident),
        "follow_up_due": _follow_up_due(incident),
        "version": incident.version,
        "incident": spelled,
        "shape": made_by,
        "unscored": incident.kind == "predicted" and incident.score is None,
        **sums.row_of(incident),
        "card_seal": seal_of(incident.stream, made_by, spelled),
    }


@lru_cache(maxsize=1)
def shape() -> str:
    """The shape of `Incident` in this release, as 16 hexadecimal digits."""
    kept = Incident.model_json_schema(mode="serialization")
    schema = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
    return sha256(schema).hexdigest()[:16]


def find(connection: Connection, stream_or_number: str | int) -> Incident | None:
    """The incident of a stream, or with a number (`142`, `"142"` or `"#142"`)."""
    asked = str(stream_or_number).removeprefix("#")
    if asked.isdecimal():
        wanted = _CARDS.c.number == min(int(asked), HIGHEST_NUMBER)
    else:
        wanted = _CARDS.c.stream == asked
    found = _some(connection, wanted)
    return found[0] if found else None


def of(connection: Connection, streams: Collection[str]) -> list[Incident]:
    """The incidents of these streams, in this order."""
    found = {incident.stream: incident for incident in _some(connection, _CARDS.c.stream.in_(streams))}
    return [found[stream] for stream in streams if stream in found]


def unclosed(connection: Connection, fingerprint: str) -> Incident | None:
    """A fingerprint's newest incident that is not closed."""
    query = """SELECT incident, shape, stream, seal FROM cards WHERE fingerprint = %s AND status <> 'closed'
        ORDER BY number DESC"""
    found = cursor(connection).execute(query, (fingerprint,)).fetchall()
    # Somebody else may have written its columns: a finding must not join just any incident.
    ours = (one for row in found for one in _incidents(connection, [row]))
    return next((one for one in ours if one.fingerprint == fingerprint and one.status != "closed"), None)


def times_seen(connection: Connection, fingerprint: str) -> int:
    """How many incidents a fingerprint has had."""
    found = cursor(connection).execute("SELECT count(*) FROM cards WHERE fingerprint = %s", (fingerprint,))
    return int(found.fetchone()[0])  # type: ignore[index]  # a count is always one row


def every(connection: Connection, status: str | tuple[str, ...] | None = None) -> list[Incident]:
    """The incidents with this status (or any of these, or all), newest first."""
    statuses = (status,) if isinstance(status, str) else status
    return _some(connection, true() if statuses is None else _CARDS.c.status.in_(statuses))


def in_force(connection: Connection, most: int | None = None) -> list[Incident]:
    """The incidents, or `most` of them, whose hotfix is in force, closed or not; what ends first is first."""
    ends = _CARDS.c.expires_at
    found = _some(connection, ends.is_not(None), ends, _CARDS.c.number, limit=most)
    return [incident for incident in found if incident.hotfix and incident.hotfix.stage in ACTING]


def followed(connection: Connection, most: int | None = None) -> list[Incident]:
    """The incidents, or `most` of them, whose follow-up is not done, closed or not; those due are first."""
    due = _CARDS.c.follow_up_due
    found = _some(connection, due.is_not(None), due, _NEWEST_FIRST, limit=most)
    return [incident for incident in found if is_open(incident)]


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
        below: only numbers below this one: the last number of the previous page.
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
    """One page (from 1) of the incidents with these statuses: the worst first, among equals the newest."""
    wanted = {
        "statuses": list(statuses),
        "severities": list(Severity),
        "before": (page - 1) * limit,
        "most": limit,
    }
    found = cursor(connection).execute(_WORST, wanted).fetchall()
    return _incidents(connection, found)


def newest(connection: Connection, fingerprint: str) -> Incident | None:
    """A fingerprint's newest incident, closed or not."""
    found = _some(connection, _CARDS.c.fingerprint == fingerprint, limit=1)
    return found[0] if found else None


def severities(connection: Connection, streams: Collection[str]) -> dict[str, Severity]:
    """Stream → severity, for those of these streams that have a card."""
    query = select(_CARDS.c.stream, _CARDS.c.severity).where(_CARDS.c.stream.in_(streams))
    return {stream: Severity(severity) for stream, severity in connection.execute(query)}


def unscored(connection: Connection) -> list[Incident]:
    """The predictions that are not yet recorded as true or false, oldest first."""
    return _some(connection, _CARDS.c.unscored)[::-1]


def _some(
    connection: Connection,
    wanted: ColumnElement[bool],
    *order: ColumnElement[Any],
    limit: int | None = None,
) -> list[Incident]:
    query = select(_CARDS.c.incident, _CARDS.c.shape, _CARDS.c.stream, _CARDS.c.seal).where(wanted)
    rows = connection.execute(query.order_by(*(order or (_NEWEST_FIRST,))).limit(limit)).all()
    return _incidents(connection, rows)


def _incidents(connection: Connection, rows: Iterable[Any]) -> list[Incident]:
    found = (
        read(stream, incident, made_by, by_seal)
        or folded(connection, stream)
        or _as_it_was(stream, incident, made_by, by_seal)
        for incident, made_by, stream, by_seal in rows
    )
    return [incident for incident in found if incident is not None]


def not_ours(connection: Connection, streams: Collection[str]) -> list[str]:
    """Those of these streams whose card is missing, behind its events, or not written by this program."""
    query = select(_CARDS, _NEWEST.label("newest")).where(_CARDS.c.stream.in_(streams))
    kept = {row["stream"]: row for row in connection.execute(query).mappings()}
    return [stream for stream in streams if stream not in kept or not _is_ours(kept[stream])]


def _is_ours(row: Any) -> bool:
    incident = read(row["stream"], row["incident"], row["shape"], row["seal"])
    if incident is None or row["newest"] != incident.version:
        return False
    expected = row_of(incident)
    if (due := expected["due_at"]) is not None:
        latest = max(due, clock.now() + LONGEST_PAUSE + SLACK)
        if row["due_at"] is None or row["due_at"] > latest:
            return False  # the clock moves it on, by no more than that, and would not reach it in time
    beside = {"incident", "seal", *sums.MOVED}
    return all(row[name] == expected[name] for name in _COLUMNS if name not in beside)


def folded(connection: Connection, stream: str) -> Incident | None:
    """The incident of a stream, from its events; None if there are none, or the first ones are archived."""
    recorded = events.read_stream(connection, stream)
    if recorded and recorded[0].version > 1 and events.archived(connection, stream):
        return None  # its first events are in an archive: nothing to fold it from
    return replay(recorded)


def read(stream: str, incident: str | None, made_by: str | None, by_seal: bytes | None) -> Incident | None:
    """The incident in a card; None if another release, or somebody else, wrote it."""
    if incident is None or made_by != shape() or not is_ours(stream, incident, made_by, by_seal):
        return None
    return Incident.model_validate_json(incident)


def is_ours(stream: str, incident: str, made_by: str, by_seal: bytes | None) -> bool:
    """Whether this program wrote a card: its seal fits."""
    return by_seal is not None and fits(_sealed(stream, made_by, incident), by_seal)


def seal_of(stream: str, made_by: str, incident: str) -> bytes:
    """The seal of a card as stored: over its JSON and the shape that made it."""
    return seal(_sealed(stream, made_by, incident))


def _sealed(stream: str, made_by: str, incident: str) -> bytes:
    """What a card's seal covers; its other columns follow from the incident."""
    return f"card\n{stream}\n{made_by}\n{incident}".encode()


def _as_it_was(stream: str, incident: str, made_by: str, by_seal: bytes | None) -> Incident | None:
    """What this release can read of an older one's card: with its events archived, nothing else is left."""
    if not is_ours(stream, incident, made_by, by_seal):
        _log.warning("card_not_ours", stream=stream)
        return None
    try:
        return Incident.model_validate_json(incident, extra="ignore")
    except ValidationError as error:
        _log.warning("archived_card_not_read", error=sanitized(error))
        return None


def kept_of(incident: Incident) -> Incident:
    """The incident as its card stores it."""
    return incident.model_copy(update={"correctable": {}})


def _spelled(incident: Incident) -> str:
    """
    Its JSON, without defaults: PostgreSQL compresses anything longer than 2 kB, which takes time.

    Done with the part of `model_dump_json` that runs after it has examined its dozen options.
    """
    return incident.__pydantic_serializer__.to_json(incident, exclude_defaults=True).decode()


def _expires_at(incident: Incident) -> datetime | None:
    """When the hotfix has to be reverted, while it is in force; this column finds what is in force."""
    hotfix = incident.hotfix
    return (hotfix.expires_at or NEVER) if hotfix and hotfix.stage in ACTING else None


def _follow_up_due(incident: Incident) -> datetime | None:
    """When the follow-up is due, until it is done."""
    return ((incident.followed and incident.followed.due_at) or NEVER) if is_open(incident) else None
