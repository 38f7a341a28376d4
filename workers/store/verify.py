"""
Is the log what was written, and are the cards and followers what the log says?

Where events of closed incidents were moved into archives, their hashes still carry the chain; what they said
is held against the archive's files by `workers.store.retention`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, func, select

from domain.errors import LogError, Tampered
from domain.incident.events import AUDIT, Attestation
from domain.incident.state import Incident, evolve
from domain.values import Value
from workers.store import cards
from workers.store.chain import chained, linked
from workers.store.connection import cursor
from workers.store.events import COLUMNS, STREAMED_ROWS, number
from workers.store.export import EACH_BY_ITS_KEY
from workers.store.guards import require_guards
from workers.store.recorded import recorded_from
from workers.store.signature import require_signed
from workers.store.sums import MOVED
from workers.store.tables import ArchivedRow, ArchiveRow, CardRow, EventRow, FollowerRow

ROWS_AT_ONCE = 2_000
ARCHIVE = "archive"
"""What the signature of an archive's manifest is of."""

_NAMES = ("position", "entry_hash", *COLUMNS.split(", "))
_WITH_ARCHIVED = (*_NAMES, "archived_stream", "archived_version", "archived_hash")
_LOG = f"""
FROM log LEFT JOIN LATERAL (SELECT {COLUMNS} FROM events WHERE id = log.event_id OFFSET 0) AS event ON true
"""  # noqa: S608 - constants
_ENTRIES = f"SELECT log.position, log.hash, event.* {_LOG} ORDER BY log.position"
_ENTRIES_WITH_ARCHIVED = f"""
SELECT log.position, log.hash, event.*, archived.stream, archived.version, archived.hash
{_LOG} LEFT JOIN archived ON archived.position = log.position ORDER BY log.position
"""

_EVENTS = EventRow.__table__  # type: ignore[attr-defined]
_ARCHIVES = ArchiveRow.__table__  # type: ignore[attr-defined]
_ARCHIVED = ArchivedRow.__table__  # type: ignore[attr-defined]
_CARDS = CardRow.__table__  # type: ignore[attr-defined]
_FOLLOWERS = FollowerRow.__table__  # type: ignore[attr-defined]


class Verified(Value):
    """
    What was walked through, without finding anything wrong.

    `head`: the newest hash, in hexadecimal. `archived`: how many of the events stand by their hash alone.
    """

    events: int
    archived: int
    streams: int
    cards: int
    followers: int
    head: str


def verify(log: Engine, trusted: str | None = None) -> Verified:
    """
    Walk the log's chain and every stream's, replay each stream, and hold its card against the replay.

    All of one moment: what is appended meanwhile is left for the next time.

    Args:
        trusted: the public key that has to have signed what was archived; any, where None.

    Raises:
        Tampered: names the first event, card, follower, archive or guard that does not fit.
    """
    number(log)
    with log.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.exec_driver_sql(EACH_BY_ITS_KEY)
        position, head = walk_chain(connection)
        gone = _archived_streams(connection, trusted)
        streams, kept = _replay_all(connection, gone)
        archived = _nothing_unnumbered(connection, position)
        followers = _followers_fit(connection, position)
        require_guards(connection)
    return Verified(
        events=position,
        archived=archived,
        streams=streams,
        cards=kept,
        followers=followers,
        head=head.hex(),
    )


def walk_chain(connection: Connection) -> tuple[int, bytes]:
    """
    The newest position and its hash, after every hash before it was made again from what is stored.

    Raises:
        Tampered: names the first event that does not fit.
    """
    heads: dict[str, tuple[int, bytes]] = {}
    position, before = 0, b""
    for entry in _entries(connection):
        position += 1
        if entry["position"] != position:
            raise Tampered(f"The log has no position {position}; the next one is {entry['position']}.")
        row = entry if entry["stream"] is not None else _archived(entry)
        version, stream_hash = heads.get(row["stream"], (0, b""))
        _next_of_its_stream(row, version, stream_hash)
        before = linked(before, row["hash"])
        if before != row["entry_hash"]:
            raise Tampered(
                f"{row_name(row)} is not where it was: the log's hash at its position does not fit."
            )
        heads[row["stream"]] = (version + 1, row["hash"])
    return position, before


def row_name(row: Any) -> str:
    """An event in words, for whoever has to look for it."""
    return f"event {row['position']} ({row['wire_name']}, version {row['version']} of {row['stream']})"


def _archived(row: Any) -> dict[str, Any]:
    """What stands in the place of an event that was moved into an archive."""
    if row.get("archived_stream") is None:
        raise Tampered(f"The event at position {row['position']} of the log is gone.")
    place = {name: row[f"archived_{name}"] for name in ("stream", "version", "hash")}
    kept = {"position": row["position"], "entry_hash": row["entry_hash"]}
    return {**kept, **place, "wire_name": "archived", "data": None}


def _next_of_its_stream(row: Any, version: int, before: bytes) -> None:
    if row["version"] != version + 1:
        raise Tampered(f"{row['stream']} has no version {version + 1}: the next event is {row_name(row)}.")
    if row["data"] is not None and chained(before, row) != row["hash"]:
        raise Tampered(f"{row_name(row)} is not what was written: its hash does not fit its content.")


def _entries(connection: Connection) -> Iterator[dict[str, Any]]:
    """The log's entries in order, each with its event: straight from the driver, as there are many."""
    gone = connection.execute(select(_ARCHIVED.c.position).limit(1)).first()
    query, names = (_ENTRIES_WITH_ARCHIVED, _WITH_ARCHIVED) if gone else (_ENTRIES, _NAMES)
    for row in cursor(connection).stream(query, binary=True, size=STREAMED_ROWS):
        yield dict(zip(names, row, strict=True))


def _rows(connection: Connection, query: Any) -> Iterator[Any]:
    yield from connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}).mappings()


def _archived_streams(connection: Connection, trusted: str | None) -> dict[str, int]:
    """The streams that were moved into archives, each with its last version there."""
    for workspace, name, manifest in connection.execute(select(_ARCHIVES)):
        try:
            signed = dict(orjson.loads(manifest))
        except (TypeError, ValueError) as error:
            raise Tampered(f"What was signed beside {name} cannot be read.") from error
        if (signed.get("workspace"), signed.get("name")) != (workspace, name):
            raise Tampered(f"What was signed beside {name} is of another archive.")
        try:
            require_signed(ARCHIVE, signed, trusted)
        except Tampered as error:
            raise Tampered(f"Of {name}, {error}.") from error
    last = func.max(_ARCHIVED.c.version)
    found = connection.execute(select(_ARCHIVED.c.stream, last).group_by(_ARCHIVED.c.stream))
    return {stream: int(version) for stream, version in found}


def _replay_all(connection: Connection, gone: Mapping[str, int]) -> tuple[int, int]:
    """Each stream replayed and held against its card; returns how many there are of both."""
    streams, without_card = 0, 0
    cards_kept = _rows(connection, select(_CARDS).order_by(_CARDS.c.stream))
    archived = dict(gone)
    kept = (card for card in cards_kept if not _card_of_archived(card, archived))
    written = select(_EVENTS, _EVENTS.c.id.label("position")).order_by(_EVENTS.c.stream, _EVENTS.c.version)
    for stream, rows in groupby(_rows(connection, written), key=lambda row: row["stream"]):
        if stream == AUDIT:
            _vouches(rows)
            without_card = 1
        elif stream not in gone:
            _fits(connection, _replayed(rows), next(kept, None))
            streams += 1
    if stray := next(kept, None):
        raise Tampered(f"The card of {stray['stream']} has no events; somebody wrote it by hand.")
    if archived:
        raise Tampered(f"{min(archived)} was moved into an archive and has no card.")
    return streams + len(gone) + without_card, streams + len(gone)


def _vouches(rows: Iterable[Any]) -> None:
    """What stands in the stream of the audit is what people vouch for, and can be read."""
    for row in rows:
        try:
            event = recorded_from(row).event
        except (LogError, ValidationError) as error:
            raise Tampered(f"{row_name(row)} cannot be read: {error}") from error
        if not isinstance(event, Attestation):
            raise Tampered(f"{row_name(row)} is of an incident, and stands in the stream of the audit.")


def _card_of_archived(kept: Any, archived: dict[str, int]) -> bool:
    """
    Whether a card is of a stream that was moved into an archive; those still to come are in `archived`.

    It cannot be folded from the store; it has to be closed, of the last version, and at one with itself.
    """
    version = archived.pop(kept["stream"], None)
    if version is None:
        return False
    if kept["version"] == version and kept["status"] != "closed":
        raise Tampered(f"{kept['stream']} was moved into an archive, and its card is {kept['status']}.")
    if kept["version"] < version:
        raise Tampered(f"The card of {kept['stream']} is older than what was moved into an archive.")
    if kept["shape"] == cards.shape():
        try:
            same = cards.row_of(Incident.model_validate_json(kept["incident"]))
        except ValidationError:
            same = {}
        if not same or any(kept[name] != same[name] for name in same if name not in {"incident", *MOVED}):
            raise Tampered(f"The card of {kept['stream']}, whose events are archived, was edited.")
    return True


def _replayed(rows: Iterator[Any]) -> Incident:
    incident: Incident | None = None
    for row in rows:
        try:
            incident = evolve(incident, recorded_from(row))
        except (LogError, ValidationError) as error:
            raise Tampered(f"{row_name(row)} cannot be replayed: {error}") from error
    if incident is None:
        raise Tampered("A stream has no events.")
    return incident


def _fits(connection: Connection, incident: Incident, kept: Any) -> None:
    """Both come in the order of their streams, so a card of another stream means that one is missing."""
    if kept is None or kept["stream"] != incident.stream:
        there = (
            kept
            and connection.execute(
                select(_EVENTS.c.stream).where(_EVENTS.c.stream == kept["stream"]).limit(1)
            ).first()
        )
        if kept and not there:
            raise Tampered(f"The card of {kept['stream']} has no events; somebody wrote it by hand.")
        raise Tampered(f"{incident.stream} has events but no card.")
    expected = cards.row_of(incident)
    shown = {name: kept[name] for name in expected if name not in {"incident", "shape", *MOVED}}
    if kept["shape"] == expected["shape"]:
        try:
            same = Incident.model_validate_json(kept["incident"]) == cards.kept_of(incident)
        except ValidationError:
            same = False
    else:
        same = True  # an older release's: never read, see `cards`
    if not same or any(shown[name] != expected[name] for name in shown):
        raise Tampered(
            f"The card of {incident.stream} (#{incident.number}) is not what its events say; "
            "`recsysops events rebuild` makes the cards again."
        )


def _nothing_unnumbered(connection: Connection, position: int) -> int:
    """Every event has a number or waits for one; returns how many numbers are of archived events."""
    written = connection.execute(select(func.count()).select_from(_EVENTS)).scalar_one()
    archived = connection.execute(select(func.count()).select_from(_ARCHIVED)).scalar_one()
    pending = connection.exec_driver_sql("SELECT count(*) FROM pending").scalar_one()
    if written + archived != position + pending:
        raise Tampered(
            f"The store holds {written} events; the log numbers {position} and {pending} wait for a number, "
            f"and {archived} were moved into archives."
        )
    return int(archived)


def _followers_fit(connection: Connection, position: int) -> int:
    followers = connection.execute(select(_FOLLOWERS.c.name, _FOLLOWERS.c.position)).all()
    for name, reached in followers:
        if not 0 <= reached <= position:
            raise Tampered(f"The follower “{name}” is said to be at {reached}; the log ends at {position}.")
    return len(followers)
