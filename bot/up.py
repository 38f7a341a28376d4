"""
`recsysops up`: servers where none are named, the Procfile's processes, and with `--example cinema` a
recommender in miniature and a chat workspace beside them. One address is printed when all of it answers.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from honcho.manager import Manager
from honcho.printer import Printer

from bot.example import (
    DIRECT,
    EXAMPLE_LEFT,
    EXAMPLE_PROCESSES,
    FIRST_FAULT,
    LOOPBACK,
    PREPARE,
    READY_SECONDS,
    Environment,
    Ports,
    example_environment,
    first_view,
)
from domain.errors import ConfigurationError
from workers import door

_CELERY = "celery -A workers.app:{0} worker -n {0}@%h --loglevel WARNING --concurrency {1}"
PROCESSES: Mapping[str, str] = {
    "web": "exec python -m bot.app",
    "worker": "exec nice -n 10 " + _CELERY.format("answers", "${WORKERS:-2}"),
    "looks": "exec nice -n 15 " + _CELERY.format("looks", "1"),
    "clock": "exec python -m workers.schedule",
    "follower": "exec python -m workers.debts",
    "announce": "exec python -m bot.announce",
}
"""
Those of the Procfile: a test holds the names against it. Workers are nice, so that a press is answered before
a diagnosis, and a diagnosis is made before the next look.
"""

LINES_TOLD = 12


def up(example: str | None, ports: Ports, say: Callable[[str], None], fault: str = FIRST_FAULT) -> int:
    """
    Run everything until Ctrl-C or SIGTERM; returns the exit code. The example's `fault` begins as its page is
    first viewed.

    Raises:
        ConfigurationError: a port is taken, no such example or fault, or a server does not start.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    var = door.environment().var.resolve()
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_ports(ports, example)
    with _servers(var) as servers, (var / "up.log").open("w", encoding="utf-8") as log:
        environment = {**os.environ, **_common(var, ports), **servers}
        if example is None:
            processes = dict(_processes(environment))
            with door.left_variables(var, _left(environment)):
                return _run(environment, processes, _addresses(ports, None), log, say)
        with first_view(ports, fault) as first_view_url:
            environment |= example_environment(example, var, ports, first_view_url)
            environment["WORKSPACE_FIRST_VIEW"] = fault
            # A history that is still being written looks like a dozen incidents.
            _prepare(environment, log)
            processes = {**EXAMPLE_PROCESSES, **PROCESSES}
            with door.left_variables(var, _left(environment, *EXAMPLE_LEFT)):
                return _run(environment, processes, _addresses(ports, example), log, say)


def _left(environment: Environment, *names: str) -> Environment:
    """
    What a command in a second terminal needs to know meanwhile. The tokens of the chat are nobody else's, and
    your own secrets are not written down.
    """
    left = {name: environment[name] for name in ("PUBLIC_URL", *names)}
    if config := environment.get("RECSYSOPS_CONFIG"):
        left["RECSYSOPS_CONFIG"] = str(Path(config).resolve())
    return left


def _prepare(environment: Environment, log: TextIO) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *PREPARE], env=environment, stdout=log, stderr=log, check=False
    )
    if done.returncode:
        raise ConfigurationError(f"the example's history could not be written; the log is {log.name}")


def _processes(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield from PROCESSES.items()
    if environment.get("SLACK_APP_TOKEN"):
        yield "socket", "exec python -m bot.socket"


@contextmanager
def _servers(var: Path) -> Iterator[Environment]:
    """Addresses of PostgreSQL and the broker: those named, else started here and stopped at the end."""
    named = {
        name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL") if os.environ.get(name)
    }
    owner = os.environ.get("DATABASE_OWNER_URL") or named.get("DATABASE_URL")
    program = named.get("DATABASE_URL")
    broker = named.get("BROKER_URL") or named.get("REDIS_URL")
    if "DATABASE_URL" in named and broker:
        door.migrate(owner or named["DATABASE_URL"], program)
        yield named
        return
    with door.embedded(var) as started:
        addresses = {"DATABASE_URL": started.database_url, "REDIS_URL": started.redis_url, **named}
        door.migrate(owner or started.owner_url, program)
        yield addresses


def _common(var: Path, ports: Ports) -> Environment:
    url = os.environ.get("PUBLIC_URL", f"http://{LOOPBACK}:{ports.web}")
    # The processes are this interpreter's own, whatever is first on PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    common = {"RECSYSOPS_VAR": str(var), "PORT": str(ports.web), "PUBLIC_URL": url, "PATH": path}
    return {**common, "PYTHONUNBUFFERED": "1", "HOST": os.environ.get("HOST", LOOPBACK)}


def _check_ports(ports: Ports, example: str | None) -> None:
    asked = {"--port": ports.web}
    if example is not None:
        asked |= {"--workspace-port": ports.workspace, "--cinema-port": ports.cinema}
    for option, port in asked.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                raise ConfigurationError(
                    f"port {port} is taken ({error.strerror}); end what listens there, or choose another, "
                    f"for instance {option} {port + 1}"
                ) from error


def _addresses(ports: Ports, example: str | None) -> dict[str, str]:
    """What people are told first; and what has to answer before all is ready. Address → its health page."""
    web = {f"http://{LOOPBACK}:{ports.web}": "/health"}
    if example is None:
        return web
    # Not the workspace's own page: its first view starts the story.
    workspace = {f"http://{LOOPBACK}:{ports.workspace}": "/static/index.html"}
    return {**workspace, **web, f"http://{LOOPBACK}:{ports.cinema}": "/status"}


def _run(
    environment: Environment,
    processes: Mapping[str, str],
    addresses: Mapping[str, str],
    log: TextIO,
    say: Callable[[str], None],
) -> int:
    manager = Manager(Printer(output=log, colour=False))
    for name, command in processes.items():
        manager.add_process(name, command, env=environment)
    ended = threading.Event()
    told = threading.Thread(target=_tell_when_ready, args=(addresses, say, ended), daemon=True)
    # Begun a moment later: the processes are forked first, from a process with one thread.
    timer = threading.Timer(1.0, told.start)
    timer.daemon = True
    timer.start()
    manager.loop()
    ended.set()
    timer.cancel()
    log.flush()
    if manager.returncode in (130, 143):
        return 0
    tail = Path(log.name).read_text(encoding="utf-8").splitlines()
    first = next((line for line in tail if " stopped (rc=" in line), "a process stopped")
    raise ConfigurationError(
        "\n".join([f"{first.split('| ')[-1]}; the log is {log.name}", *_reason(tail, first)])
    )


def _reason(lines: list[str], stopped: str) -> list[str]:
    """The last words of the process that stopped first."""
    name = stopped.rpartition("| ")[2].partition(" ")[0]
    before = lines[: lines.index(stopped)] if stopped in lines else lines
    own = [line for line in before if f" {name} " in line.partition("|")[0] + " "]
    return own[-LINES_TOLD:]


def _tell_when_ready(
    addresses: Mapping[str, str], say: Callable[[str], None], ended: threading.Event
) -> None:
    waiting, until = dict(addresses), time.monotonic() + READY_SECONDS
    while waiting and not ended.wait(0.3):
        waiting = {address: page for address, page in waiting.items() if not _answers(address + page)}
        if waiting and time.monotonic() > until:
            say(
                f"{' and '.join(waiting)} did not answer within {READY_SECONDS:.0f} s; see up.log under var/."
            )
            return
    if not ended.is_set():
        say(next(iter(addresses)))


def _answers(url: str) -> bool:
    try:
        with DIRECT.open(url, timeout=2) as answer:
            return bool(answer.status < 400)
    except (OSError, ValueError):
        return False
