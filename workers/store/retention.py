"""
What is kept, and for how long. The program can only append to the log, and only forget what is not the log.

Only the owner of the tables may drop the bodies of closed incidents' events, once they are in an archive: the
place and hash of each one stay in the log, next to the signed digest of the file that contains it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from domain.errors import ConfigurationError, LogError, Tampered, sanitized
from domain.incident.followed import is_open
from domain.incident.state import Incident, replay
from domain.values import Value
from workers.environment import clock
from workers.store import cards
from workers.store.connection import workspace_of
from workers.store.exports.archive import digest, files, read
from workers.store.integrity.verify import ARCHIVE
from workers.store.log.events import number
from workers.store.log.recorded import recorded_from
from workers.store.signature import require_signed, sign

_CLOSED_BEFORE = """
SELECT stream FROM cards WHERE status = 'closed'
AND (incident::jsonb ->> 'closed_at')::timestamptz < %(before)s
"""
_PICTURES_NEEDED = f"""
SELECT picture FROM events, LATERAL (
    SELECT data::jsonb #>> '{{diagnosis,picture}}' AS picture) AS drawn
WHERE wire_name = 'diagnosis.gathered' AND picture IS NOT NULL
AND stream NOT IN ({_CLOSED_BEFORE})
"""  # noqa: S608 - constants
_BUNDLES_NEEDED = f"""
SELECT data::jsonb ->> 'root' FROM events
WHERE wire_name = 'bundle.kept' AND stream NOT IN ({_CLOSED_BEFORE})
"""  # noqa: S608 - constants
_FORGET = {
    "pictures": f"DELETE FROM attachments WHERE kept_at < %(before)s AND digest NOT IN ({_PICTURES_NEEDED})",  # noqa: S608
    "attempts": f"DELETE FROM attempts WHERE stream IN ({_CLOSED_BEFORE})",  # noqa: S608
}

_OURS = "workspace = %(workspace)s"
"""The database shows the owner every workspace, and fills in none."""
_STORED = f"""
SELECT events.stream, events.version, events.hash, events.id, log.position
FROM log JOIN events ON events.id = log.event_id
WHERE log.{_OURS} AND events.stream = ANY (%(streams)s) ORDER BY events.stream, events.version
"""  # noqa: S608 - constants
_STAND_IN = f"""
INSERT INTO archived (workspace, position, event_id, stream, version, hash, archive)
SELECT log.workspace, log.position, events.id, events.stream, events.version, events.hash, %(archive)s
FROM log JOIN events ON events.id = log.event_id
WHERE log.{_OURS} AND events.stream = ANY (%(streams)s)
"""  # noqa: S608 - constants
_DROP = f"DELETE FROM events WHERE {_OURS} AND stream = ANY (%(streams)s)"  # noqa: S608 - constants


class Forgotten(Value):
    """How many pictures, attempts at obligations and bundle files were removed."""

    pictures: int
    attempts: int
    files: int = 0


class Dropped(Value):
    """How many events of how many incidents were dropped, and why others in the archive were not."""

    events: int
    streams: int
    kept: dict[str, str]


class Held(Value):
    """What an archive was found to hold of the events that were dropped from the store."""

    files: int
    events: int
    streams: int


def forget(log: Engine, before: datetime) -> Forgotten:
    """
    Remove what is not the log, for incidents that were closed before this time.

    What the checks remember stays: it does not grow, and a check's time on record is meant to be old.
    """
    with log.begin() as connection:
        gone = {
            what: connection.exec_driver_sql(statement, {"before": before}).rowcount
            for what, statement in _FORGET.items()
        }
    return Forgotten(**gone)


def bundles_needed(log: Engine, before: datetime) -> list[str]:
    """The roots of the bundles of incidents that are open, or were closed at this time or later."""
    with log.connect() as connection:
        return list(connection.exec_driver_sql(_BUNDLES_NEEDED, {"before": before}).scalars())


def drop(log: Engine, owner: Engine, folder: Path, before: datetime, key: Ed25519PrivateKey) -> Dropped:
    """
    Drop the bodies of events in the archive under `folder`, for incidents closed before this time.

    Every file is read and its hashes are recomputed first. Each file is one transaction, during which
    appends wait.

    Args:
        owner: the same store, as the login that owns its tables. key: signs the description of each file.

    Raises:
        Tampered: a file of the archive is not what was written.
        ConfigurationError: that login does not own the tables.
    """
    number(log)
    with log.connect() as connection:
        ours = workspace_of(connection)
    events, streams, kept = 0, 0, dict[str, str]()
    for file in files(folder, ours):
        archived = {stream: rows for stream, rows in _by_stream(file) if rows}
        try:
            with owner.begin() as connection:
                connection.exec_driver_sql("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE")
                going, staying = _judge(connection, ours, archived, before)
                kept.update(staying)
                if going:
                    events += _move(connection, ours, file, going, key)
                    streams += len(going)
        except ProgrammingError as error:
            if not isinstance(error.orig, InsufficientPrivilege):
                raise
            raise ConfigurationError(
                f"PostgreSQL refuses it: {sanitized(error)}. Only the login that owns the tables "
                "may drop events; name it in DATABASE_OWNER_URL."
            ) from error
    return Dropped(events=events, streams=streams, kept=kept)


def hold(log: Engine, folder: Path, trusted: str | None = None) -> Held:
    """
    Compare the archive under `folder` with what the log holds for the events that were dropped.

    Raises:
        Tampered: a file is missing or is not the one that was signed, an event in it is not the one that was
            dropped, or a card is not what its archived events say.
    """
    events, names = 0, list[str]()
    with log.connect() as connection:
        found = connection.exec_driver_sql("SELECT name, manifest FROM archives ORDER BY name").all()
        for name, manifest in found:
            signed = orjson.loads(manifest)
            require_signed(ARCHIVE, signed, trusted)
            file = folder / name
            if not file.is_file():
                raise Tampered(f"{file} is missing; events of closed incidents were moved into it.")
            if digest(file) != signed["sha256"]:
                raise Tampered(f"{file} is not the file that was signed: its bytes are others.")
            events += _same(connection, file)
            names.append(name)
        total, streams = connection.exec_driver_sql(
            "SELECT count(*), count(DISTINCT stream) FROM archived"
        ).one()
    if events != total:
        raise Tampered(f"{total} events were moved into archives; {events} of them are in {folder}.")
    return Held(files=len(names), events=events, streams=streams)


def _by_stream(file: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The complete streams of a file: one month's."""
    rows = sorted(read(file), key=lambda row: (row["stream"], row["version"]))
    for stream, some in groupby(rows, key=lambda row: row["stream"]):
        yield stream, list(some)


def _judge(
    connection: Connection, workspace: str, archived: Mapping[str, list[dict[str, Any]]], before: datetime
) -> tuple[list[str], dict[str, str]]:
    """Which streams may go, and why the others stay; those that are already gone are neither."""
    stored: dict[str, list[Any]] = {}
    asked = {"workspace": workspace, "streams": list(archived)}
    for row in connection.exec_driver_sql(_STORED, asked):
        stored.setdefault(row.stream, []).append(row)
    going, staying = list[str](), dict[str, str]()
    for stream, rows in archived.items():
        if stream not in stored:
            continue
        there = [(row.version, bytes(row.hash), row.position) for row in stored[stream]]
        incident = replay(recorded_from(row) for row in rows)
        if there != [(row["version"], row["hash"], row["position"]) for row in rows]:
            staying[stream] = "the store holds other events of it than the archive; archive it again"
        elif why := _kept_because(incident, before):
            staying[stream] = why
        else:
            going.append(stream)
    return going, staying


def _kept_because(incident: Incident | None, before: datetime) -> str | None:
    if incident is None or incident.closed_at is None:
        return "it is not closed"
    if incident.closed_at >= before:
        return f"it was closed on {incident.closed_at:%Y-%m-%d}, which is not long enough ago"
    if is_open(incident):
        return "its follow-up is not done yet"
    return None


def _move(
    connection: Connection, workspace: str, file: Path, streams: list[str], key: Ed25519PrivateKey
) -> int:
    content = {"workspace": workspace, "name": file.name, "sha256": digest(file)}
    known = connection.exec_driver_sql(
        f"SELECT manifest FROM archives WHERE {_OURS} AND name = %(name)s",  # noqa: S608 - a constant
        {"workspace": workspace, "name": file.name},
    ).scalar_one_or_none()
    if known is None:
        manifest = orjson.dumps(sign(ARCHIVE, {**content, "at": clock.now().isoformat()}, key)).decode()
        statement = "INSERT INTO archives VALUES (%(workspace)s, %(name)s, %(manifest)s)"
        kept = {"workspace": workspace, "name": file.name, "manifest": manifest}
        connection.exec_driver_sql(statement, kept)
    elif orjson.loads(known)["sha256"] != content["sha256"]:
        raise Tampered(f"{file} is not the file that was signed when events were first dropped for it.")
    asked = {"workspace": workspace, "streams": streams, "archive": file.name}
    stood_in = connection.exec_driver_sql(_STAND_IN, asked).rowcount
    dropped = connection.exec_driver_sql(_DROP, asked).rowcount
    if dropped != stood_in:
        raise LogError(
            f"{dropped} events would go and {stood_in} entries would stand for them; nothing went."
        )
    return dropped


def _same_card(card: Incident, incident: Incident) -> bool:
    return card.version != incident.version or card == cards.kept_of(incident)


def _same(connection: Connection, file: Path) -> int:
    """How many dropped events a file holds, each of them the original, with a card that agrees."""
    query = "SELECT stream, version, hash, position FROM archived WHERE archive = %(name)s"
    gone: dict[str, list[tuple[int, bytes, int]]] = {}
    for row in connection.exec_driver_sql(query, {"name": file.name}):
        gone.setdefault(row.stream, []).append((row.version, bytes(row.hash), row.position))
    count = 0
    for stream, rows in _by_stream(file):
        if stream not in gone:
            continue
        if sorted(gone[stream]) != [(row["version"], row["hash"], row["position"]) for row in rows]:
            raise Tampered(f"{file}: the events of {stream} are not those that were dropped for it.")
        count += len(rows)
        card = cards.find(connection, stream)
        incident = replay(recorded_from(row) for row in rows)
        if incident is not None and (card is None or not _same_card(card, incident)):
            raise Tampered(f"The card of {stream} (#{incident.number}) is not what its archived events say.")
    return count
