"""One at a time, for a thing with a name: PostgreSQL holds the lock and drops it when the holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from sqlalchemy import Engine, text


@contextmanager
def alone(log: Engine, name: str) -> Iterator[bool]:
    """
    True for the one caller that holds `name` while the block lasts; False, at once, for everyone else.

    A lock of the connection, not of a transaction: the work inside may take minutes, and a transaction open
    for so long would keep dead rows alive.
    """
    number = int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
    with log.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        asked = connection.execute(text("SELECT pg_try_advisory_lock(:n)"), {"n": number})
        held = bool(asked.scalar_one())
        try:
            yield held
        finally:
            if held:
                connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": number})
