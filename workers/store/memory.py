"""
What a job remembers between two runs: one JSON value under a name; sealed if a right depends on it, because
anybody who can write to the store could write it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from workers.environment import clock, redaction
from workers.store.seal import fits, seal
from workers.store.tables import MemoryRow

_MEMORY = MemoryRow.__table__  # type: ignore[attr-defined]
_log = structlog.get_logger(__name__)


def remember(connection: Connection, name: str, value: Any) -> None:
    """Store `value` (JSON values and aware times) under `name`, in the caller's transaction."""
    row = {"name": name, "value": redaction.data(orjson.dumps(value).decode()), "kept_at": clock.now()}
    statement = insert(_MEMORY).values(row)
    kept = {"value": statement.excluded.value, "kept_at": statement.excluded.kept_at}
    connection.execute(statement.on_conflict_do_update(constraint="memory_pkey", set_=kept))


def recall(connection: Connection, name: str) -> Any:
    """The value last stored under `name`, or None."""
    found = connection.execute(select(_MEMORY.c.value).where(_MEMORY.c.name == name)).scalar_one_or_none()
    return None if found is None else orjson.loads(found)


def remember_sealed(connection: Connection, name: str, value: Any) -> None:
    """The same, so that `recall_sealed` knows that this installation stored it, and under this name."""
    remember(connection, name, {"said": value, "seal": seal(_content(name, value)).hex()})


def recall_sealed(connection: Connection, name: str) -> Any:
    """The value last stored under `name` by this installation; None if there is none, or another's."""
    return _ours(name, recall(connection, name))


def recall_sealed_beginning(connection: Connection, beginning: str) -> dict[str, Any]:
    """Name → the value that this installation last stored under it, or None if it is somebody else's."""
    found = recall_beginning(connection, beginning)
    return {name: _ours(name, kept) for name, kept in found.items()}


def _ours(name: str, kept: Any) -> Any:
    match kept:
        case {"said": said, "seal": str(spelled)} if _fits(name, said, spelled):
            return said
        case None:
            return None
        case _:
            _log.warning("memory_not_ours", name=name, advice="somebody wrote into the store")
            return None


def _content(name: str, value: Any) -> bytes:
    return b"memory\n%b\n%b" % (name.encode(), orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def _fits(name: str, value: Any, spelled: str) -> bool:
    try:
        return fits(_content(name, value), bytes.fromhex(spelled))
    except ValueError:
        return False


def recall_beginning(connection: Connection, beginning: str) -> dict[str, Any]:
    """Name → the value last stored under it, for all names that begin like this."""
    query = select(_MEMORY.c.name, _MEMORY.c.value).where(_MEMORY.c.name.startswith(beginning))
    return {row.name: orjson.loads(row.value) for row in connection.execute(query)}


def take(connection: Connection, name: str) -> Any:
    """The value last stored under `name`, which is removed; None if there is none."""
    taken = delete(_MEMORY).where(_MEMORY.c.name == name).returning(_MEMORY.c.value)
    found = connection.execute(taken).scalar_one_or_none()
    return None if found is None else orjson.loads(found)


def drop_before(connection: Connection, beginning: str, before: datetime) -> None:
    """Remove what was stored before then under names that begin like this."""
    old = delete(_MEMORY).where(_MEMORY.c.name.startswith(beginning), _MEMORY.c.kept_at < before)
    connection.execute(old)
