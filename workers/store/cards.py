"""
The card of each incident: written with its events, read by everything that shows or asks.

A card is a fold over events and may be made again at any time. What of an incident may be corrected it leaves
out, as that grows with each event and only a correction asks for it. It names the shape of `Incident` that
made it; where a newer release reads an older shape, it folds the events instead, so no card is half
understood while there are events. It carries a seal: where that does not fit, somebody else wrote the card,
and the events are folded as well.
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

from domain.incident.decide.rule import ACTING, GOING
from domain.incident.followed import is_open
from domain.incident.state import Incident, Status, replay
from domain.values import Severity
from workers.store import sums
from workers.store.connection import cursor
from workers.store.log import events
from workers.store.log.recorded import BEFORE_SEALS
from workers.store.log.statement import Statement
from workers.store.seal import fits, seal
from workers.store.tables import CardRow, EventRow

_log = structlog.get_logger(__name__)
_CARDS = CardRow.__table__  # type: ignore[attr-defined]
_EVENTS = EventRow.__table__  # type: ignore[attr-defined]
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
Of each status and severity the newest by an index, then the newest of these: no filter makes it slow.

No number is below 0: two conditions make PostgreSQL gather the rows' places before it fetches them, and so
ask the disk for many at once. By one it fetches one after the other.
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
"""The numbers by an index alone; of the cards, only those of the page."""

NEVER = datetime(9999, 12, 29, tzinfo=UTC)
"""When a hotfix ends that does not expire: the last day that the column takes."""

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
    "seal",
)

_SPELLED = {"number", "opened_at", "owes", "expires_at", "version", "unscored", "due_at", *sums.TOOK}
_VALUES = ", ".join(f"%({name}){'s' if name in _SPELLED else 'b'}" for name in _COLUMNS[:-1])
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])


def upsert(once: str = "") -> str:
    """What writes a card; `once`: a FROM with what has to be done before, in one row."""
    return (
        f"INSERT INTO cards ({', '.join(_COLUMNS)}) SELECT {_VALUES}, %(card_seal)b {once} "
        f"ON CONFLICT ON CONSTRAINT cards_pkey DO UPDATE SET {_CHANGES}"
    )


_KEEP = Statement(upsert())


def keep(connection: Connection, incident: Incident) -> None:
    """
    Write a card that was made again.

    Raises:
        VersionConflict: another incident has its number.
    """
    events.write(connection, _KEEP, row_of(incident))


def row_of(incident: Incident) -> dict[str, Any]:
    """The columns of an incident's card, and its seal as `card_seal`: an event has one too."""
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
    query = """SELECT incident, shape, stream, seal FROM cards WHERE fingerprint = %s AND status <> 'closed'
        ORDER BY number DESC"""
    found = cursor(connection).execute(query, (fingerprint,)).fetchall()
    # Its columns may be what somebody else wrote: a finding must not be joined to just any incident.
    for row in found:
        for incident in _incidents(connection, [row]):
            if incident.fingerprint == fingerprint and incident.status != "closed":
                return incident.stream
    return None


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


def in_force(connection: Connection) -> list[Incident]:
    """The incidents whose hotfix acts on the recommender, closed or not; newest first."""
    found = _some(connection, _CARDS.c.expires_at.is_not(None))
    return [incident for incident in found if incident.hotfix and incident.hotfix.stage in ACTING]


def deployed_or_approved(connection: Connection) -> list[Incident]:
    """The incidents whose hotfix acts on the recommender or is about to, newest first."""
    found = _some(connection, _CARDS.c.expires_at.is_not(None) | _CARDS.c.owes)
    return [incident for incident in found if incident.hotfix and incident.hotfix.stage in GOING]


def followed(connection: Connection) -> list[Incident]:
    """The incidents whose follow-up is not done yet, closed or not; newest first."""
    return [incident for incident in _some(connection, _CARDS.c.owes) if is_open(incident)]


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
    query = select(_CARDS.c.incident, _CARDS.c.shape, _CARDS.c.stream, _CARDS.c.seal).where(wanted)
    rows = connection.execute(query.order_by(_CARDS.c.number.desc()).limit(limit)).all()
    return _incidents(connection, rows)


def _incidents(connection: Connection, rows: Iterable[Any]) -> list[Incident]:
    found = (
        read(stream, incident, made_by, by_seal)
        or folded(connection, stream)
        or _as_it_was(connection, stream, incident, made_by, by_seal)
        for incident, made_by, stream, by_seal in rows
    )
    return [incident for incident in found if incident is not None]


def not_ours(connection: Connection, streams: Collection[str]) -> list[str]:
    """Those of these streams whose card is missing, older than its events, or not what this program wrote."""
    query = select(_CARDS, _NEWEST.label("newest")).where(_CARDS.c.stream.in_(streams))
    kept = {row["stream"]: row for row in connection.execute(query).mappings()}
    return [stream for stream in streams if stream not in kept or not _is_ours(kept[stream])]


def _is_ours(row: Any) -> bool:
    incident = read(row["stream"], row["incident"], row["shape"], row["seal"])
    if incident is None or row["newest"] != incident.version:
        return False
    expected = row_of(incident)
    if row["due_at"] is None and expected["due_at"] is not None:
        return False  # the clock moves it on, and would never come to it
    beside = {"incident", "seal", *sums.MOVED}
    return all(row[name] == expected[name] for name in _COLUMNS if name not in beside)


def folded(connection: Connection, stream: str) -> Incident | None:
    """The incident of a stream from its events; None where there are none, or its beginning is archived."""
    recorded = events.read_stream(connection, stream)
    if recorded and recorded[0].version > 1 and events.archived(connection, stream):
        return None  # its beginning is in an archive: there is nothing to fold it from
    return replay(recorded)


def read(stream: str, incident: str | None, made_by: str | None, by_seal: bytes | None) -> Incident | None:
    """What a card holds; None where another release made it, or somebody else."""
    if incident is None or made_by != shape() or not _ours(stream, incident, made_by, by_seal):
        return None
    return Incident.model_validate_json(incident)


def _ours(stream: str, incident: str, made_by: str, by_seal: bytes | None) -> bool:
    return by_seal is not None and fits(_sealed(stream, made_by, incident), by_seal)


def seal_of(stream: str, made_by: str, incident: str) -> bytes:
    """The seal of a card as it is kept: JSON, of the shape that made it."""
    return seal(_sealed(stream, made_by, incident))


def _sealed(stream: str, made_by: str, incident: str) -> bytes:
    """What the seal of a card is over; its other columns follow from the incident."""
    return f"card\n{stream}\n{made_by}\n{incident}".encode()


def _as_it_was(
    connection: Connection, stream: str, incident: str, made_by: str, by_seal: bytes | None
) -> Incident | None:
    """What this release knows of an older one's card: where its events are archived, nothing else is left."""
    if not archived_ours(connection, stream, incident, made_by, by_seal):
        _log.warning("card_not_ours", stream=stream)
        return None
    try:
        return Incident.model_validate_json(incident, extra="ignore")
    except ValidationError as error:
        _log.warning("archived_card_not_read", error=str(error))
        return None


def archived_ours(
    connection: Connection, stream: str, incident: str, made_by: str, by_seal: bytes | None
) -> bool:
    """Whether this program wrote the card of archived events: sealed, or from before there were seals."""
    if by_seal is None:
        return _older_than_seals(connection, stream)
    return _ours(stream, incident, made_by, by_seal)


def _older_than_seals(connection: Connection, stream: str) -> bool:
    query = f"SELECT bool_and(event_id <= {BEFORE_SEALS}) FROM archived WHERE stream = %s"  # noqa: S608 - constants
    found = cursor(connection).execute(query, (stream,)).fetchone()
    return bool(found and found[0])


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
    """When the hotfix has to be taken back, while it acts: by this column what is in force is found."""
    hotfix = incident.hotfix
    return (hotfix.expires_at or NEVER) if hotfix and hotfix.stage in ACTING else None
