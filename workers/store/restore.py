"""
An export put into an empty store: whole or not at all, with the same positions and the same hashes.

The store's own role does it, by the way every event goes: into `events`, and numbered by PostgreSQL. So
nothing can be put in that the program could not have written, and the hash at the end has to be the file's.

Those who follow the log begin behind its end: what was posted and handed over once is not done again. What an
incident is still owed, the clock hands over as after any outage. Pictures, and who is behind a pseudonym, are
not in the log and do not come with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects.postgresql import insert

from domain.errors import LogError, Refused
from domain.incident.events import AUDIT
from domain.incident.state import replay
from domain.values import Value
from workers.handle import OPENING, wake
from workers.store import cards
from workers.store.check import Checked, Walk, check, walked
from workers.store.events import COLUMNS, last_position, read_stream
from workers.store.rebuild import Progress
from workers.store.tables import FollowerRow

FOLLOWERS = ("announce", "debts")
"""All that follow the log."""

ROWS_AT_ONCE = 1_000
NUMBERING = "SELECT pg_advisory_xact_lock(5270001, hashtext(current_setting('recsysops.workspace')))"

_KINDS = {
    "version": "int",
    "schema_version": "int",
    "part": "int",
    "at": "timestamptz",
    "hash": "bytea",
}
_NAMES = COLUMNS.split(", ")
_GIVEN = ", ".join(f"%({name})s::{_KINDS.get(name, 'text')}[]" for name in _NAMES)
_INSERT = f"""
WITH written AS (
    INSERT INTO events ({COLUMNS})
    SELECT {COLUMNS} FROM unnest({_GIVEN}) WITH ORDINALITY AS event ({COLUMNS}, n) ORDER BY n
    RETURNING id)
INSERT INTO pending (event_id) SELECT id FROM written
"""  # noqa: S608 - constants


class Restored(Value):
    """What was put in. `head`: the log's newest hash in hexadecimal, the same as in the file."""

    events: int
    cards: int
    head: str


def restore(
    log: Engine, file: Path, trusted: str | None = None, progress: Progress | None = None
) -> Restored:
    """
    Put an exported file into an empty store.

    Args:
        trusted: the public key (64 hexadecimal digits) that has to have signed a checkpoint at its end.

    Raises:
        Tampered: a line does not fit; nothing was written.
        Refused: the store is not empty, or the file does not hold the whole log.
        LogError: an event cannot be read by this release; nothing was written.
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
        rows = walked(file, Walk(trusted))
        for batch in _batches(rows):
            connection.exec_driver_sql(_INSERT, {name: [row[name] for row in batch] for name in _NAMES})
            if progress is not None:
                progress(batch[-1]["position"], checked.last)
        _number(connection, checked, file)
        made = _fold(connection)
        _follow_from(connection, checked.last)
    wake(log)
    return Restored(events=checked.events, cards=made, head=checked.head)


def _require_empty(connection: Connection) -> None:
    # Nobody opens an incident meanwhile, and nobody else numbers.
    connection.exec_driver_sql(OPENING)
    connection.exec_driver_sql(NUMBERING)
    for table, what in (("events", "events"), ("log", "entries of a log"), ("cards", "cards")):
        count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
        if count:
            ours = connection.exec_driver_sql("SELECT current_setting('recsysops.workspace')").scalar_one()
            raise Refused(
                f"The workspace “{ours}” of this store holds {count} {what} already; put the file into an "
                "empty one: name another database in DATABASE_URL, or another RECSYSOPS_WORKSPACE."
            )


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
    query = text("SELECT DISTINCT stream FROM events WHERE stream <> :audit")
    streams = list(connection.execute(query, {"audit": AUDIT}).scalars())
    for stream in streams:
        incident = replay(read_stream(connection, stream))
        if incident is not None:
            cards.keep(connection, incident)
    return len(streams)


def _follow_from(connection: Connection, position: int) -> None:
    statement = insert(FollowerRow.__table__)  # type: ignore[attr-defined]
    kept = statement.on_conflict_do_update(
        constraint="followers_pkey", set_={"position": statement.excluded.position}
    )
    connection.execute(kept, [{"name": name, "position": position} for name in FOLLOWERS])
