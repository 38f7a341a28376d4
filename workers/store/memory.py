"""
What a job remembers between two runs: one JSON value under a name, sealed, because anybody who can write to
the store could otherwise decide what is looked at, and when.
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
    row = {"name": name, "value": spelled(name, value), "kept_at": clock.now()}
    statement = insert(_MEMORY).values(row)
    kept = {"value": statement.excluded.value, "kept_at": statement.excluded.kept_at}
    connection.execute(statement.on_conflict_do_update(constraint="memory_pkey", set_=kept))


def spelled(name: str, value: Any) -> str:
    """What is stored for `value`: without secrets, and with its seal."""
    said = orjson.loads(redaction.data(orjson.dumps(value).decode()))
    return orjson.dumps({"said": said, "seal": seal(_content(name, said)).hex()}).decode()


def recall(connection: Connection, name: str) -> Any:
    """The value last stored under `name` by this installation; None if there is none, or another's."""
    query = select(_MEMORY.c.value).where(_MEMORY.c.name == name)
    return _ours(name, connection.execute(query).scalar_one_or_none())


def recall_beginning(connection: Connection, beginning: str) -> dict[str, Any]:
    """Name → the value last stored under it by this installation, for all names that begin like this."""
    kept = with_others(connection, beginning)
    return {name: said for name, said in kept.items() if said is not None}


def with_others(connection: Connection, beginning: str = "") -> dict[str, Any]:
    """The same, and None for each that somebody else stored."""
    query = select(_MEMORY.c.name, _MEMORY.c.value).where(_MEMORY.c.name.startswith(beginning))
    return {row.name: _ours(row.name, row.value) for row in connection.execute(query)}


def take(connection: Connection, name: str) -> Any:
    """The value last stored under `name`, which is removed; None if there is none, or another's."""
    taken = delete(_MEMORY).where(_MEMORY.c.name == name).returning(_MEMORY.c.value)
    return _ours(name, connection.execute(taken).scalar_one_or_none())


def _ours(name: str, kept: str | None) -> Any:
    if kept is None:
        return None
    found = _loaded(kept)
    if _with_seal(found) and _fits(name, found["said"], found["seal"]):
        return found["said"]
    _log.warning("memory_not_ours", name=name, advice="somebody wrote into the store")
    return None


def _loaded(kept: str) -> Any:
    try:
        return orjson.loads(kept)
    except orjson.JSONDecodeError:
        return None


def _with_seal(found: Any) -> bool:
    return isinstance(found, dict) and found.keys() == {"said", "seal"}


def _content(name: str, value: Any) -> bytes:
    return b"memory\n%b\n%b" % (name.encode(), orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def _fits(name: str, value: Any, by_seal: Any) -> bool:
    try:
        return fits(_content(name, value), bytes.fromhex(by_seal))
    except (TypeError, ValueError):
        return False


def drop_before(connection: Connection, beginning: str, before: datetime) -> None:
    """Remove what was stored before then under names that begin like this."""
    old = delete(_MEMORY).where(_MEMORY.c.name.startswith(beginning), _MEMORY.c.kept_at < before)
    connection.execute(old)
