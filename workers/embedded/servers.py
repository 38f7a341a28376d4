"""
Both servers, kept running for as long as anybody needs them.

They keep their data under one folder and can be shared by several processes: each holds a shared file
lock for as long as it needs them, which the kernel releases even on kill -9, and the last one to leave
stops the servers. A server left running by a kill is simply joined.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from workers.embedded import postgres, valkey
from workers.embedded.private import guarded_folder, write_privately
from workers.embedded.process import found
from workers.environment.settings import SERVER_ADDRESSES


@dataclass(frozen=True)
class Servers:
    """The addresses of the two servers. `owner_url` is the same database, for migrating it."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    owner_url: str = field(default="", repr=False)


@contextmanager
def started(folder: Path) -> Iterator[Servers]:
    """
    Both servers, up and answering, during the block and for as long as anybody else needs them.

    Args:
        folder: holds `postgres/`, `valkey/` and the locks; created if missing.

    Raises:
        ConfigurationError: a server does not start; the message names its log file.
    """
    folder = guarded_folder(folder.resolve())
    with (folder / "servers.held").open("w") as held:
        with _alone(folder):
            database = postgres.start(folder / "postgres")
            servers = Servers(database.database_url, valkey.start(folder / "valkey"), database.owner_url)
            write_privately(folder / SERVER_ADDRESSES, json.dumps(asdict(servers)))
            fcntl.flock(held, fcntl.LOCK_SH)
        try:
            yield servers
        finally:
            with _alone(folder):
                if _only_one(held):
                    (folder / SERVER_ADDRESSES).unlink(missing_ok=True)
                    valkey.stop(servers.redis_url)
                    postgres.stop(database.data)


def running(folder: Path) -> Servers | None:
    """The servers started under this folder, or None: for a command typed in a second terminal."""
    addresses = folder.resolve() / SERVER_ADDRESSES
    return Servers(**json.loads(addresses.read_text(encoding="utf-8"))) if addresses.exists() else None


def fallen(folder: Path) -> tuple[str, ...]:
    """Which servers started under this folder have exited, by the names people know."""
    folder = folder.resolve()
    there = {
        "PostgreSQL": found(folder / "postgres" / "postmaster.pid", "postgres", folder / "postgres"),
        "Valkey": found(folder / "valkey" / "valkey.pid", "valkey", folder / "valkey"),
    }
    return tuple(name for name, process in there.items() if process is None)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _only_one(held: IO[str]) -> bool:
    """Whether no other process holds the servers; if so, this one now holds them exclusively."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
