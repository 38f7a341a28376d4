"""Goes through the log from its first entry: is every event where it was, and what it was?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from workers.store.connection import cursor
from workers.store.integrity.wrong import Wrong
from workers.store.log.chain import chained, linked
from workers.store.log.events import COLUMNS, STREAMED_ROWS
from workers.store.tables import ArchivedRow

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

_ARCHIVED = ArchivedRow.__table__  # type: ignore[attr-defined]


def walk_chain(connection: Connection) -> tuple[int, bytes]:
    """
    The newest position and its hash, after recomputing every earlier hash from what is stored.

    Raises:
        Tampered: names every event that does not fit.
    """
    wrong = Wrong()
    reached = walk(connection, wrong)
    wrong.require_nothing()
    return reached


def walk(connection: Connection, wrong: Wrong) -> tuple[int, bytes]:
    """The same, but report what does not fit and continue after it."""
    heads: dict[str, tuple[int, bytes]] = {}
    position, before = 0, b""
    for entry in _entries(connection):
        missing = entry["position"] != position + 1
        if missing:
            wrong.say(f"The log has no position {position + 1}; the next one is {entry['position']}.")
        position = entry["position"]
        row = entry if entry["stream"] is not None else _archived(entry)
        if row is None:
            wrong.say(f"The event at position {position} of the log is gone.")
        else:
            _follow(heads, row, wrong)
            if not missing and linked(before, row["hash"]) != row["entry_hash"]:
                wrong.say(
                    f"{row_name(row)} is not where it was: the log's hash at its position does not fit."
                )
        before = entry["entry_hash"]
    return position, before


def row_name(row: Any) -> str:
    """An event in words, for whoever has to find it."""
    return f"event {row['position']} ({row['wire_name']}, version {row['version']} of {row['stream']})"


def _archived(row: Any) -> dict[str, Any] | None:
    """What replaces an event that was archived."""
    if row.get("archived_stream") is None:
        return None
    place = {name: row[f"archived_{name}"] for name in ("stream", "version", "hash")}
    kept = {"position": row["position"], "entry_hash": row["entry_hash"]}
    return {**kept, **place, "wire_name": "archived", "data": None}


def _follow(heads: dict[str, tuple[int, bytes]], row: Any, wrong: Wrong) -> None:
    """Check that an event comes next in its stream, and matches its hash."""
    stream, version = row["stream"], row["version"]
    last, before = heads.get(stream, (0, b""))
    if version != last + 1:
        wrong.say(f"{stream} has no version {last + 1}: the next event is {row_name(row)}.")
    elif row["data"] is not None and chained(before, row) != row["hash"]:
        wrong.say(f"{row_name(row)} is not what was written: its hash does not fit its content.")
    if version > last:
        heads[stream] = (version, row["hash"])


def _entries(connection: Connection) -> Iterator[dict[str, Any]]:
    """The log's entries in order, each with its event; directly from the driver, because there are many."""
    gone = connection.execute(select(_ARCHIVED.c.position).limit(1)).first()
    query, names = (_ENTRIES_WITH_ARCHIVED, _WITH_ARCHIVED) if gone else (_ENTRIES, _NAMES)
    for row in cursor(connection).stream(query, binary=True, size=STREAMED_ROWS):
        yield dict(zip(names, row, strict=True))
