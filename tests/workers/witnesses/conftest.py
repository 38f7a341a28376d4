"""A key, made-up checkpoints, and a small HTTP service that takes them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workers.store.log.chain import linked
from workers.store.log.checkpoint import Checkpoint
from workers.store.signature import sign
from workers.witnesses.kind import Surroundings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Made = Callable[..., Checkpoint]


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def made(key: Ed25519PrivateKey) -> Made:
    """Makes checkpoints: `made(7)`, or `made(7, b"other")` of another log."""

    def make(position: int, word: bytes = b"", workspace: str = "main") -> Checkpoint:
        content = {"workspace": workspace, "position": position, "hash": linked(b"", word).hex()}
        at = (NOON + timedelta(minutes=position)).isoformat()
        return Checkpoint.model_validate(sign("checkpoint", {**content, "at": at}, key))

    return make


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings({"WITNESS_SECRET": "a shared secret"}, tmp_path / "var")


class Service:
    """What was asked of it, and what it answers: `(status, headers, body)` of (method, path, body)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.lines: dict[str, str] = {}
        self.answer: Callable[[BaseHTTPRequestHandler, bytes], None] = self.keep
        self.url = ""

    def keep(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Keep each id once; show all lines."""
        if request.command == "POST":
            document = json.loads(body)
            self.lines.setdefault(document["id"], json.dumps(document["checkpoint"]))
            reply(request, 200, b'{"status": "kept"}')
        else:
            reply(request, 200, "\n".join(self.lines.values()).encode())


def reply(request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def serving(service: Service) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            service.asked.append((self.command, self.path, dict(self.headers), body))
            service.answer(self, body)

        do_GET = do_POST  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    with serving(made):
        yield made
