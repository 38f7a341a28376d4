"""
`recsysops up`: servers if none are named, the Procfile's processes, with `--chat` a chat workspace in place
of Slack, and with `--example cinema` a miniature recommender as well. When all of it answers, one address is
printed.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import httpx

from bot.pages.links import PURPOSE, Links
from bot.up.chat import PROCESS, chat_environment, over_socket
from bot.up.example import EXAMPLE_LEFT, FIRST_FAULT, Example, example_environment, found_example
from bot.up.folder import Folder, occupied
from bot.up.machine import LOOPBACK, Environment, Ports
from bot.up.signals import Signals
from bot.up.supervise import Programs, Revive, Supervisor
from domain.errors import ConfigurationError, sanitized
from workers import door

READY_SECONDS = 300.0
_CELERY = "python -m celery -A workers.process.app:{0} worker -n {0}@%h --loglevel WARNING --concurrency {1}"
PROCESSES: Mapping[str, str] = {
    "web": "exec python -m bot.slack.app",
    "worker": "exec nice -n 10 " + _CELERY.format("answers", "${WORKERS:-2}"),
    "looks": "exec nice -n 15 " + _CELERY.format("looks", "1"),
    "clock": "exec python -m workers.process.schedule",
    "follower": "exec python -m workers.log.obligations",
    "announce": "exec python -m bot.slack.announce",
}
"""
Those of the Procfile: a test compares the names. Workers run niced, so that a press is answered before a
diagnosis, and a diagnosis is made before the next look.
"""


def up(
    example: str | None,
    ports: Ports,
    say: Callable[[str], None],
    fault: str = FIRST_FAULT,
    *,
    chat: bool = False,
    socket_mode: bool = False,
) -> int:
    """
    Run everything until Ctrl-C or SIGTERM; returns the exit code. With `chat`, people meet in a local chat
    workspace, as they also do with an example. The example's `fault` begins when its page is first viewed;
    with `socket_mode` that workspace talks to the bot as Slack does behind a firewall.

    Raises:
        ConfigurationError: it is already running on this folder, a port is taken, there is no such example or
                fault, a server does not start, or a process is wrongly configured.
    """
    shown = None if example is None else found_example(example)
    if shown is None and (wrong := door.misdeclared(door.environment().config)):
        say(f"{wrong}\nUntil that is fixed nothing is checked; open incidents are announced as ever.")
    signals = Signals().listen()
    var = door.environment().var.resolve()
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    with occupied(var, say) as folder:
        _check_ports(ports, chat=chat or shown is not None, example=shown is not None)
        beside = _beside(shown, var, ports, fault, chat=chat)
        with (
            _servers(var, signals) as (servers, ours),
            (var / "up.log").open("w", encoding="utf-8") as log,
        ):
            more = over_socket(beside.environment) if socket_mode and beside.processes else beside.environment
            environment = {**os.environ, **_common(var, ports), **servers, **more}
            address = f"http://{LOOPBACK}:{ports.workspace}" if beside.processes else _pages(environment)
            run = _Run(var, folder, log, say, signals, _revive(var) if ours else None, address)
            processes = {**beside.processes, **dict(_processes(environment))}
            with door.left_variables(var, _left(environment, *beside.left)):
                return _run(run, environment, processes, _addresses(ports, processes), beside.first)


@dataclass(frozen=True)
class _Beside:
    """
    What runs in addition to the Procfile's processes: what it adds to everybody's environment, which part of
    that is left for a second terminal, and what has to end before anything else is started.
    """

    environment: Environment = field(default_factory=dict)
    processes: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    first: tuple[str, str] | None = None


def _beside(shown: Example | None, var: Path, ports: Ports, fault: str, *, chat: bool) -> _Beside:
    if shown is not None:
        environment = example_environment(shown, var, ports, fault)
        return _Beside(environment, shown.processes, EXAMPLE_LEFT, shown.history)
    return _Beside(chat_environment(var, ports), PROCESS) if chat else _Beside()


@dataclass(frozen=True)
class _Run:
    """
    What every run has. `revive` is None if the servers are not ours; `address` is what people are told once
    all is ready.
    """

    var: Path
    folder: Folder
    log: TextIO
    say: Callable[[str], None]
    signals: Signals
    revive: Revive | None
    address: str


def _left(environment: Environment, *names: str) -> Environment:
    """
    What a command in a second terminal needs to know meanwhile. The chat's tokens are not shared, and your
    own secrets are not written down.
    """
    left = {name: environment[name] for name in ("PUBLIC_URL", *names)}
    if config := environment.get("RECSYSOPS_CONFIG"):
        left["RECSYSOPS_CONFIG"] = str(Path(config).resolve())
    return left


def _processes(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield from PROCESSES.items()
    if environment.get("SLACK_APP_TOKEN"):
        yield "socket", "exec python -m bot.slack.socket"


@contextmanager
def _servers(var: Path, signals: Signals) -> Iterator[tuple[Environment, bool]]:
    """
    Addresses of PostgreSQL and the broker, and whether they are ours: started here, stopped at the end.
    """
    named = _named_servers()
    owner = os.environ.get("DATABASE_OWNER_URL") or named.get("DATABASE_URL")
    program = named.get("DATABASE_URL")
    broker = named.get("BROKER_URL") or named.get("REDIS_URL")
    if "DATABASE_URL" in named and broker:
        door.migrate(owner or named["DATABASE_URL"], program)
        yield named, False
        return
    with ExitStack() as stack:
        with signals.held():
            started = stack.enter_context(door.embedded(var))
        door.migrate(owner or started.owner_url, program or started.database_url)
        yield {"DATABASE_URL": started.database_url, "REDIS_URL": started.redis_url, **named}, True


def _named_servers() -> Environment:
    names = ("DATABASE_URL", "REDIS_URL", "BROKER_URL")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _revive(var: Path) -> Revive:
    """A function that restarts the embedded servers that have ended."""

    def revive() -> tuple[tuple[str, ...], Environment]:
        if not (fallen := door.fallen_embedded(var)):
            return (), {}
        with door.embedded(var) as again:  # those that ended; the others stay with their holder
            return fallen, {
                "DATABASE_URL": again.database_url,
                "REDIS_URL": again.redis_url,
                **_named_servers(),
            }

    return revive


def _common(var: Path, ports: Ports) -> Environment:
    url = os.environ.get("PUBLIC_URL", f"http://{LOOPBACK}:{ports.web}")
    # The processes run with this interpreter, whatever comes first on PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    common = {"RECSYSOPS_VAR": str(var), "PORT": str(ports.web), "PUBLIC_URL": url, "PATH": path}
    return {**common, "PYTHONUNBUFFERED": "1", "HOST": os.environ.get("HOST", LOOPBACK)}


def _pages(environment: Environment) -> str:
    """The list of incidents for the person who started this: a personal link, if people do not log in."""
    login = door.environment().login is not None
    links = Links(door.installation_key(PURPOSE), environment["PUBLIC_URL"].rstrip("/"), login=login)
    return links.to(f"terminal:{getpass.getuser()}")("/") or environment["PUBLIC_URL"]


def _check_ports(ports: Ports, *, chat: bool, example: bool) -> None:
    asked = {"--port": ports.web}
    asked |= {"--workspace-port": ports.workspace} if chat else {}
    asked |= {"--cinema-port": ports.cinema} if example else {}
    for option, port in asked.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                raise ConfigurationError(
                    f"port {port} is taken ({sanitized(error)}); end what listens there, or choose another, "
                    f"for instance {option} {port + 1}"
                ) from error


def _addresses(ports: Ports, processes: Mapping[str, str]) -> dict[str, str]:
    """What has to answer before everything is ready. Address → its health page."""
    # Not the workspace's own page: its first view starts the example's story.
    pages = {"workspace": "/static/index.html", "web": "/health", "cinema": "/status"}
    return {
        f"http://{LOOPBACK}:{getattr(ports, name)}": page for name, page in pages.items() if name in processes
    }


def _run(
    run: _Run,
    environment: Environment,
    processes: Mapping[str, str],
    addresses: Mapping[str, str],
    first: tuple[str, str] | None = None,
) -> int:
    ended = threading.Event()
    ready = threading.Thread(target=_tell_when_ready, args=(addresses, run, ended), daemon=True)

    async def supervised() -> None:
        supervisor = Supervisor(
            Programs(processes, environment, first),
            run.log,
            run.say,
            begun=ready.start,
            note=run.folder.note,
            after=(sys.executable, "-m", "bot.up.folder", str(run.var)),
            revive=run.revive,
        )
        with run.signals.passed_to(supervisor.ask_to_stop):
            await supervisor.run()

    try:
        asyncio.run(supervised())
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}\nThe log is {run.log.name}.") from error
    finally:
        ended.set()
    return 0


def _tell_when_ready(addresses: Mapping[str, str], run: _Run, ended: threading.Event) -> None:
    waiting, until = dict(addresses), time.monotonic() + READY_SECONDS
    while waiting and not ended.wait(0.3):
        waiting = {address: page for address, page in waiting.items() if not _answers(address + page)}
        if waiting and time.monotonic() > until:
            run.say(
                f"{' and '.join(waiting)} did not answer within {READY_SECONDS:.0f} s; see up.log under var/."
            )
            return
    if not ended.is_set():
        run.say(run.address)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success  # no proxy: it is on loopback
    except httpx.HTTPError:
        return False
