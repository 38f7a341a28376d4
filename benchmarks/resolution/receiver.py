"""A recommender's own receiver behind HTTP: what it really serves, what it says, and how it misbehaves."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import orjson
from recsysops_client import HotfixCall, WebhookReceiver

SECRET_ENV, SECRET = "SHOP_SECRET", "between the two of us"
LATE_SECONDS = 2.5

Fault = Literal[
    "none", "lies", "lies and lists it", "answers late", "acts late", "half an answer", "500 before",
    "500 after", "twice", "confirms with 500", "down", "does it and goes down",
]  # fmt: skip

ELSEWHERE: tuple[Fault, ...] = ("down", "does it and goes down", "confirms with 500")
"""Faults that are not about how a call is obeyed."""


@dataclass
class Receiver:
    """
    The client's receiver, with the hotfixes `rollback`.

    Attributes:
        fault: how it misbehaves in the next `left` calls of the action `of`.
        serving: what is really in force.
        acted: how often it really acted, by (id, action); `asked`: how often it was called.
    """

    journal: Path
    clock: Callable[[], float] = time.time
    url: str = ""
    fault: Fault = "none"
    of: str = "apply"
    left: int = 0
    serving: set[str] = field(default_factory=set)
    acted: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._receiver = WebhookReceiver(SECRET, self.journal, self.clock)
        self._receiver.register("rollback", self._act)
        self._receiver.confirm_by(self._listed)
        self._lied: set[str] = set()
        self._late: set[str] = set()
        self._done: set[str] = set()
        self._lock = threading.Lock()

    def misbehave(self, fault: Fault, of: str, times: int) -> None:
        self.fault, self.of, self.left = fault, of, times

    def settle_late(self) -> None:
        """Carry out now whatever was to act late."""
        self.serving |= self._late
        self._late.clear()

    def _now(self, action: str) -> Fault:
        here = self.left > 0 and action == self.of and self.fault not in ELSEWHERE
        return self.fault if here else "none"

    def _act(self, call: HotfixCall) -> str:
        now = self._now(call.action)
        if now in ("lies", "lies and lists it"):
            if now == "lies and lists it":
                self._lied ^= {call.id}
            return f"{call.action} done"
        self.acted[call.id, call.action] += 1
        if now == "acts late" and call.action == "apply":
            self._late.add(call.id)
        elif call.action == "apply":
            self.serving.add(call.id)
        else:
            self.serving.discard(call.id)
            self._lied.discard(call.id)
        return f"{call.action} done"

    def _listed(self) -> frozenset[str]:
        return frozenset(self.serving ^ self._lied)

    def is_down(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether nobody answers this call; what it asks for may still have been done."""
        if self.left <= 0 or self.fault not in ("down", "does it and goes down"):
            return False
        self.left -= 1
        request = orjson.loads(body)
        if (
            self.fault == "does it and goes down"
            and request["action"] == self.of
            and request["id"] not in self._done
        ):
            self._done.add(request["id"])
            self._receiver.receive(headers, body)
        return True

    def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, int]:
        """Status, body, and how many bytes of the body are sent."""
        request = orjson.loads(body)
        action = str(request.get("action"))
        with self._lock:
            self.asked[str(request.get("id")), action] += 1
            now = self._now(action)
            if action == "confirm" and self.left > 0 and self.fault == "confirms with 500":
                self.left -= 1
                return 500, b"no", 2
            if now == "500 before":
                self.left -= 1
                return 500, b"not yet", 7
            status, document = self._receiver.receive(headers, body)
            if now == "twice":
                status, document = self._receiver.receive(headers, body)
            if now != "none" and self.left > 0:
                self.left -= 1
        said = orjson.dumps(document)
        if now == "answers late":
            time.sleep(LATE_SECONDS)
        if now == "500 after":
            return 500, b"something broke", 15
        return status, said, len(said) // 2 if now == "half an answer" else len(said)


@contextmanager
def listening(target: Receiver) -> Iterator[Receiver]:
    """The receiver behind HTTP, on loopback, while the block lasts."""

    class Called(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if target.is_down(dict(self.headers), body):
                self.close_connection = True
                return
            status, said, sent = target.answer(dict(self.headers), body)
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said[:sent])
            except ConnectionError:
                pass  # the caller no longer waits
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Called)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    target.url = f"http://127.0.0.1:{server.server_address[1]}/hotfixes"
    try:
        yield target
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
