"""The real thing: both servers, a workspace and the processes, in a folder that is deleted afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from workers import embedded
from workers.environment.settings import Settings, read_settings, settings
from workers.store.migrate import migrate
from workers.store.signature import FILE

ROOT = Path(__file__).parent.parent
SECRET, TOKEN = "benchmark-signing-secret", "xoxb-benchmark"
READY_SECONDS = 60.0

WEB = ("bot.slack.app",)
ANNOUNCE = ("bot.slack.announce",)
WORKERS = ("celery", "-A", "workers.process.app", "worker", "--loglevel", "ERROR", "--concurrency", "2")
FOLLOWER = ("workers.log.obligations",)
CLOCK = ("workers.process.schedule",)


@dataclass(frozen=True)
class Stack:
    """The running parts. `environment` is that of every process; `log` is the file they all write to."""

    folder: Path
    environment: Mapping[str, str]
    web_url: str
    workspace_url: str
    log: Path
    held: ExitStack

    @property
    def settings(self) -> Settings:
        return read_settings(self.environment)

    def start(self, module: Sequence[str], health: str = "") -> subprocess.Popen[bytes]:
        """A process of ours, ended with the stack; if `health` is given, it has answered there."""
        process = self.held.enter_context(running(module, self.environment, self.log))
        if health:
            wait_until_healthy(health, process)
        return process


@contextmanager
def stack(declaration: Path | None = None, extra: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """PostgreSQL (as durable as by default), Valkey and a workspace; `start` adds the processes."""
    folder = Path(tempfile.mkdtemp(prefix="recsysops-benchmark-"))
    web, workspace = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    with ExitStack() as held:
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        servers = held.enter_context(embedded.started(folder / "servers"))
        migrate(servers.owner_url, servers.database_url)
        environment = {
            **os.environ,
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "RECSYSOPS_VAR": str(folder),
            # This process's key, because it asks the store as well.
            "RECSYSOPS_SIGNING_KEY": str((settings().signing_key or settings().var / FILE).resolve()),
            "RECSYSOPS_CONFIG": str(declaration or folder / "recsysops.toml"),
            "PORT": web.rpartition(":")[2],
            "PUBLIC_URL": web,
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_APP_TOKEN": "",
            "SLACK_BASE_URL": f"{workspace}/api/",
            "WORKSPACE_PORT": workspace.rpartition(":")[2],
            "WORKSPACE_BOT_TOKEN": TOKEN,
            "WORKSPACE_SIGNING_SECRET": SECRET,
            "WORKSPACE_REQUEST_URL": f"{web}/slack/events",
            **(extra or {}),
        }
        made = Stack(folder, environment, web, workspace, folder / "processes.log", held)
        made.start(("bot.workspace",), health=f"{workspace}/static/index.html")
        yield made


@contextmanager
def running(
    module: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `python -m module` during the block, in its own group so that its children end with it."""
    with log.open("ab") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=ROOT,
            env=environment,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # Nothing it does is needed any more, so it need not finish.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], pause_seconds: float = 0.01) -> None:
    """
    Returns once `url` answers with 200.

    Raises:
        RuntimeError: the process ended, or did not answer in time.
    """
    until = time.monotonic() + READY_SECONDS
    with httpx.Client(trust_env=False, timeout=5.0) as http:
        while time.monotonic() < until and process.poll() is None:
            try:
                if http.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(pause_seconds)
    raise RuntimeError(f"{url} does not answer; the process {process.args!r} ended with {process.poll()}")


def free_ports(count: int) -> list[int]:
    """Ports on loopback that are free now."""
    with ExitStack() as held:
        bound = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in bound:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in bound]
