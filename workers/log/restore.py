"""
Loads an export into an empty store: completely or not at all, with the same positions and hashes.

This is done under the store's own role and the usual way: events are appended and numbered by PostgreSQL. So
nothing can get in that the program could not have written, and the final hash has to be the file's. Events
keep their seals; the keys that made them have to be among those of this installation.

The log's followers start at its end: what was once posted and handed over is not done again. What an incident
is still owed, the clock hands over as after any outage. Pictures, and who is behind a pseudonym, are not in
the log and are not restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from domain.errors import LogError, Refused
from domain.incident.events import CARDLESS
from domain.incident.state import replay
from domain.values import Value
from workers.log.handle import OPENING, wake
from workers.store import cards, followers, people
from workers.store.connection import workspace_of
from workers.store.exports.check import Checked, Walk, check, walked
from workers.store.integrity.rebuild import Progress
from workers.store.log.events import COLUMNS, last_position, read_stream
from workers.store.log.recorded import decided

FOLLOWERS = ("announce", "obligations")
"""All followers of the log."""

ROWS_AT_ONCE = 1_000
NUMBERING = "SELECT pg_advisory_xact_lock(5270001, hashtext(workspace_in_force()))"

_KINDS = {
    "version": "int",
    "schema_version": "int",
    "part": "int",
    "at": "timestamptz",
    "hash": "bytea",
    "rules": "int",
    "seal": "bytea",
}
_NAMES = COLUMNS.split(", ")
_GIVEN = ", ".join(f"%({name})s::{_KINDS.get(name, 'text')}[]" for name in _NAMES)
_INSERT = f"""
SELECT count(append_event({COLUMNS})) FROM (
    SELECT * FROM unnest({_GIVEN}) WITH ORDINALITY AS event ({COLUMNS}, n) ORDER BY n) AS event
"""  # noqa: S608 - constants


class Restored(Value):
    """What was restored. `head`: the log's newest hash in hexadecimal, the same as in the file."""

    events: int
    cards: int
    head: str


def restore(
    log: Engine,
    file: Path,
    trusted: str | None = None,
    progress: Progress | None = None,
) -> Restored:
    """
    Load an exported file into an empty store.

    Args:
        trusted: the public key (64 hexadecimal digits) that must have signed a checkpoint at its end.

    Raises:
        Tampered: a line does not fit; nothing was written. Refused: the store is not empty, the file does not
        hold the whole log, or another installation wrote it. LogError: an event cannot be read by this
        release; nothing was written.
    """
    checked = check(file, trusted)
    if checked.first > 1:
        raise Refused(f"{file} begins at position {checked.first}; only a whole export can be put in.")
    if checked.archived:
        raise Refused(
            f"{file} names {checked.archived} events by their hash alone: their bodies are in an archive. "
            "Restore a backup of the database (pg_dump) instead."
        )
    with log.begin() as connection:
        _require_empty(connection)
        rows = _ours(file, walked(file, Walk(trusted)))
        for batch in _batches(rows):
            connection.exec_driver_sql(_INSERT, {name: [row.get(name) for row in batch] for name in _NAMES})
            if progress is not None:
                progress(batch[-1]["position"], checked.last)
        _number(connection, checked, file)
        made = _fold(connection)
        _follow_from(connection, checked.last)
        _without_people(connection)
    wake(log)
    return Restored(events=checked.events, cards=made, head=checked.head)


def _require_empty(connection: Connection) -> None:
    # Meanwhile nobody opens an incident, and nobody else assigns numbers.
    connection.exec_driver_sql(OPENING)
    connection.exec_driver_sql(NUMBERING)
    for table, what in (("events", "events"), ("log", "entries of a log"), ("cards", "cards")):
        count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
        if count:
            ours = workspace_of(connection)
            raise Refused(
                f"The workspace “{ours}” of this store holds {count} {what} already; put the file into an "
                "empty one: name another database in DATABASE_URL, or another RECSYSOPS_WORKSPACE."
            )


def _ours(file: Path, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same rows; Refused at the first one that no key of ours sealed."""
    for row in rows:
        if not decided(row):
            raise Refused(
                f"{file}: the event at position {row['position']} is sealed by no key of this installation. "
                "If it is of yours, name the file of the key that sealed it in RECSYSOPS_SIGNING_KEY, after "
                "your own (own.pem:former.pem); else somebody forged it."
            )
        yield row


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while batch := list(islice(left, ROWS_AT_ONCE)):
        yield batch


def _number(connection: Connection, checked: Checked, file: Path) -> None:
    while connection.exec_driver_sql("SELECT number_events()").scalar_one():
        continue
    query = "SELECT encode(hash, 'hex') FROM log ORDER BY position DESC LIMIT 1"
    head = connection.exec_driver_sql(query).scalar_one_or_none() or ""
    if (last_position(connection), head) != (checked.last, checked.head):
        raise LogError(f"{file} was put in, but the log's hash at its end is another; nothing was kept.")


def _fold(connection: Connection) -> int:
    query = text("SELECT DISTINCT stream FROM events WHERE stream <> ALL(:cardless)")
    streams = list(connection.execute(query, {"cardless": list(CARDLESS)}).scalars())
    for stream in streams:
        incident = replay(read_stream(connection, stream))
        if incident is not None:
            cards.keep(connection, incident)
    return len(streams)


def _follow_from(connection: Connection, position: int) -> None:
    for name in FOLLOWERS:
        followers.place(connection, name, position)


def _without_people(connection: Connection) -> None:
    """Record that unknown people are rightly unknown: an export names nobody, so nobody is missing."""
    pseudonyms = people.in_log(connection)
    for one in pseudonyms - set(people.known(connection, pseudonyms)):
        people.unknown(connection, one)
