"""The example that `recsysops up --example cinema` runs: its processes, its environment, its first fault."""

from __future__ import annotations

import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import bot
from bot.up.chat import PROCESS, chat_environment
from bot.up.machine import LOOPBACK, Environment, Ports, keep_secrets
from domain.errors import ConfigurationError

EXAMPLES: Mapping[str, str] = {"cinema": "recsysops_cinema"}
"""The package under which a wheel installs each; in the repository it is a folder of `examples/`."""

DECLARED = "recsysops.toml"
EXAMPLE_LEFT = ("CINEMA_FOLDER", "CINEMA_URL", "CINEMA_WEBHOOK_SECRET")
"""Variables named in its declaration, for `recsysops doctor` in a second terminal."""

FIRST_FAULT = "language"
FAULTS = (FIRST_FAULT, "upstream", "launch", "missing_values", "training_segment", "production_bias")
READY_SECONDS = 300.0
AGAIN_SECONDS = 1.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens loopback addresses regardless of any proxy in the environment."""


@dataclass(frozen=True)
class Example:
    """A recommender to try everything on: the package that runs it, and the file that declares it."""

    package: str
    declared: Path

    @property
    def processes(self) -> Mapping[str, str]:
        """Name → command, in addition to those of the Procfile."""
        return {**PROCESS, "cinema": f"exec python -m {self.package} serve"}

    @property
    def history(self) -> tuple[str, str]:
        """Written first: a history that is still being written looks like a dozen incidents."""
        return "history", f"exec python -m {self.package} backfill"


def found_example(name: str, beside: Path | None = None) -> Example:
    """
    The example of this name: the one in the repository, otherwise the one that is installed.

    Args:
        beside: the folder with our packages; this package's own, if not given.

    Raises:
        ConfigurationError: there is no such example, or it is not installed.
    """
    if name not in EXAMPLES:
        raise ConfigurationError(f"there is no example {name!r}; there is: {', '.join(EXAMPLES)}.")
    folder = beside or Path(str(bot.__file__)).parents[1]
    for package in (f"examples.{name}", EXAMPLES[name]):
        declared = folder.joinpath(*package.split("."), DECLARED)
        if declared.is_file():
            return Example(package, declared)
    raise ConfigurationError(
        f"the example {name!r} is not installed; it is a wheel of its own, {EXAMPLES[name]}. `make dist` in "
        "the repository builds it beside this one, and `pip install dist/*.whl` installs both."
    )


def example_environment(example: Example, var: Path, ports: Ports, first_view_url: str) -> Environment:
    """The environment of the example's and its chat's processes; its secret is kept with the chat's."""
    return {
        **chat_environment(var, ports),
        "RECSYSOPS_CONFIG": str(example.declared.resolve()),
        "WORKSPACE_ON_FIRST_VIEW_URL": first_view_url,
        "CINEMA_FOLDER": str(var / "cinema"),
        "CINEMA_PORT": str(ports.cinema),
        "CINEMA_HOST": LOOPBACK,
        "CINEMA_URL": f"http://{LOOPBACK}:{ports.cinema}",
        "CINEMA_WEBHOOK_SECRET": keep_secrets(var / "secrets.json")["webhook_secret"],
    }


@contextmanager
def first_view(ports: Ports, fault: str = FIRST_FAULT) -> Iterator[str]:
    """
    An address on loopback that the workspace calls when a browser first opens it: then the cinema's `fault`
    is switched on, as soon as the cinema answers.

    Raises:
        ConfigurationError: the cinema has no such fault.
    """
    if fault not in FAULTS:
        raise ConfigurationError(f"the cinema has no fault {fault!r}; there are: {', '.join(FAULTS)}.")
    switch = f"http://{LOOPBACK}:{ports.cinema}/faults/{fault}"
    path = f"/{secrets.token_urlsafe(16)}"

    class Viewed(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            known = self.path == path
            self.send_response(204 if known else 404)
            self.end_headers()
            if known:
                threading.Thread(target=_switch_on, args=(switch,), daemon=True).start()

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing: the terminal is for the address."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Viewed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}{path}"
    finally:
        server.shutdown()
        server.server_close()


def _switch_on(fault: str) -> None:
    until = time.monotonic() + READY_SECONDS
    while not _switched(fault) and time.monotonic() < until:
        time.sleep(AGAIN_SECONDS)


def _switched(fault: str) -> bool:
    """Whether the fault is switched on; False while the cinema is still starting."""
    body = json.dumps({"on": True}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own address on loopback
        fault, body, {"Content-Type": "application/json"}, method="POST"
    )
    try:
        DIRECT.open(request, timeout=5).close()
    except urllib.error.HTTPError as answered:
        return answered.code < 500
    except OSError:
        return False
    return True
