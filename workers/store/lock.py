"""One holder at a time for a named thing: PostgreSQL keeps the lock and drops it if the holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

REPLAYS = "replays"
"""
Held by work that looks back over weeks: trying the follow-ups of an incident, or replaying all incidents.
So at most one worker does that, and another is left for what a person waits for.
"""

_NUMBER = "hashtextextended(workspace_in_force() || ' ' || :name, 0)"


@contextmanager
def alone(log: Engine, name: str) -> Iterator[bool]:
    """
    True for the one caller that holds `name` during the block; False, at once, for everyone else.

    The lock belongs to the connection, not to a transaction: the work inside may take minutes, and a
    transaction open for that long would keep dead rows alive.
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
    Run the block once nobody else holds `name`; later callers wait, however long that takes.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: PostgreSQL became unavailable meanwhile.
    """
    with log.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_lock({_NUMBER})"), {"name": name})
        connection.execute(text("RESET statement_timeout"))
        try:
            yield
        finally:
            connection.execute(text(f"SELECT pg_advisory_unlock({_NUMBER})"), {"name": name})
