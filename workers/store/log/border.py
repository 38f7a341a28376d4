"""
Up to which event the log is older than seals.

Only the owner of the tables writes `before_seals`, and could thereby declare forged events to be that old. So
the row counts only with a seal of this installation, over the hash of the last of those events: neither
another store's row nor another event fits. A store that was created with seals has no such row.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from sqlalchemy import Connection, Engine

from workers.store.connection import cursor
from workers.store.seal import fits, seal

_FOUND = """
SELECT workspace_in_force(), last_id, seal, coalesce(
    (SELECT hash FROM events WHERE id = last_id), (SELECT hash FROM archived WHERE event_id = last_id)),
    EXISTS (SELECT FROM log)
FROM (SELECT) AS one LEFT JOIN before_seals ON workspace = workspace_in_force()
"""
# Nothing that was sealed is older than seals: a border that was raised before it got its seal gets none.
_UNDRAWN = """
SELECT last_id, hash FROM before_seals JOIN (
    SELECT workspace, id, hash FROM events WHERE seal IS NULL UNION ALL
    SELECT workspace, event_id, hash FROM archived) AS last USING (workspace)
WHERE workspace = %(workspace)s AND id = last_id AND before_seals.seal IS NULL AND NOT EXISTS (
    SELECT FROM events WHERE workspace = %(workspace)s AND id <= last_id AND seal IS NOT NULL)
"""
DECLARE = """
INSERT INTO before_seals (workspace, last_id, seal) VALUES (%(workspace)s, %(last_id)s, %(seal)s)
ON CONFLICT (workspace) DO UPDATE SET last_id = excluded.last_id, seal = excluded.seal
"""


class _Found(NamedTuple):
    """What the store says; `settled`: no restore can still bring older events."""

    workspace: str
    last_id: int | None
    seal: bytes | None
    hash: bytes | None
    settled: bool

    @property
    def ours(self) -> bool:
        if self.last_id is None or self.seal is None or self.hash is None:
            return False
        return fits(_content(self.workspace, self.last_id, self.hash), self.seal)


_verified: WeakKeyDictionary[Engine, int] = WeakKeyDictionary()
"""Fetched once by each process: from then on no read asks for it."""


def border(connection: Connection) -> int:
    """The id of the last event from before events were sealed; 0 if there is none, or no proof of it."""
    known = _verified.get(connection.engine)
    if known is not None:
        return known
    found = _find(connection)
    last_id = found.last_id if found.last_id is not None and found.ours else 0
    if found.ours or (found.last_id is None and found.settled):
        _verified[connection.engine] = last_id
    return last_id


def sealed_after(connection: Connection) -> int:
    """The position of that event, after which each one has to be sealed; 0 if there is none."""
    last_id = border(connection)
    if not last_id:
        return 0
    query = "SELECT max(position) FROM log WHERE event_id <= %(last_id)s"
    return int(connection.exec_driver_sql(query, {"last_id": last_id}).scalar_one() or 0)


def not_ours(connection: Connection) -> str | None:
    """What is wrong with the border, in words; None if nothing is."""
    found = _find(connection)
    if found.last_id is None or found.ours:
        return None
    return (
        f"The row of before_seals, which says that nothing up to the event with the id {found.last_id} needs "
        "a seal, has none of this installation itself: it counts for nothing. Only who owns the tables can "
        "have written it. Delete it, or bring it back from a backup."
    )


def declared(workspace: str, last_id: int, hash_: bytes) -> dict[str, Any]:
    """The parameters of `DECLARE`, sealed."""
    sealed = seal(_content(workspace, last_id, hash_))
    return {"workspace": workspace, "last_id": last_id, "seal": sealed}


def draw(owner: psycopg.Connection[Any], workspace: str) -> None:
    """Seal, once, the border of an installation from before borders carried seals."""
    found = owner.execute(_UNDRAWN, {"workspace": workspace}).fetchone()
    if found is not None:
        owner.execute(DECLARE, declared(workspace, *found))


def _find(connection: Connection) -> _Found:
    return _Found(*cursor(connection).execute(_FOUND).fetchall()[0])


def _content(workspace: str, last_id: int, hash_: bytes) -> bytes:
    return b"border\n%b\n%d\n%b" % (workspace.encode(), last_id, hash_)
