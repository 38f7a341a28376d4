"""One at a time, for a thing with a name: PostgreSQL holds the lock and drops it when the holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

REPLAYS = "replays"
"""
Held by what looks back over weeks: the follow-ups of an incident that are tried, or all incidents replayed.
So at most one worker is at that, and another is left for what a person waits for.
"""

_NUMBER = "hashtextextended(workspace_in_force() || ' ' || :name, 0)"


@contextmanager
def alone(log: Engine, name: str) -> Iterator[bool]:
    """
    True for the one caller that holds `name` while the block lasts; False, at once, for everyone else.

    A lock of the connection, not of a transaction: the work inside may take minutes, and a transaction open
    for so long would keep dead rows alive.
    """
    with log.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        asked = connection.execute(text(f"SELECT pg_try_advisory_lock({_NUMBER})"), {"name": name})
        held = bool(asked.scalar_one())
        try:
            yield held
        finally:
            if held:
                connection.execute(text(f"SELECT pg_advisory_unlock({_NUMBER})"), {"name": name})


@contextmanager
def in_turn(log: Engine, name: str) -> Iterator[None]:
    """
    The block is run once nobody else holds `name`: whoever comes later waits, however long that takes.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: PostgreSQL went away meanwhile.
    """
    with log.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_lock({_NUMBER})"), {"name": name})
        connection.execute(text("RESET statement_timeout"))
        try:
            yield
        finally:
            connection.execute(text(f"SELECT pg_advisory_unlock({_NUMBER})"), {"name": name})
