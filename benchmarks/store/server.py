"""A separate PostgreSQL with its default durability, and with commits as slow as asked for."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from benchmarks.store.contender import Contender
from workers import embedded
from workers.store.connection import driver_address

SLOW_COMMIT_MICROSECONDS = 3_000


@dataclass(frozen=True)
class Server:
    """`owner_url`: its superuser's; `folder`: deleted with it."""

    owner_url: str
    folder: Path

    def database(self, name: str, kind: type[Contender]) -> str:
        """A new database prepared for a contender; returns the address to use it under."""
        with self.connected() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return kind.prepare(self.named(name))

    def named(self, database: str) -> str:
        """The owner's address of another database."""
        return make_url(self.owner_url).set(database=database).render_as_string(hide_password=False)

    def slow(self, microseconds: int) -> None:
        """Make every later commit take that much longer, as on a more distant disk."""
        with self.connected() as connection:
            connection.execute("ALTER SYSTEM SET commit_siblings = 0")
            connection.execute(f"ALTER SYSTEM SET commit_delay = {microseconds}")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)

    def connected(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of the owner, in which each statement is its own transaction."""
        return psycopg.connect(self.named(database), autocommit=True)


@contextmanager
def server() -> Iterator[Server]:
    """PostgreSQL from its wheel for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="recsysops-benchmark-"))
    try:
        with embedded.started(folder / "servers") as servers:
            yield Server(driver_address(servers.owner_url), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
