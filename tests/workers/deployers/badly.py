"""A real HTTP server that answers byte by byte as told, for what no web framework would send."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answering = Callable[[socket.socket, bytes], None]


class BadServer:
    """Attributes: url; requests, each whole as it came; accepted, how many connections there were."""

    def __init__(self, answering: Answering) -> None:
        self.requests: list[bytes] = []
        self.accepted = 0
        self.ended = threading.Event()
        self._answering = answering
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/hotfix"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.ended.set()
        self._listening.close()

    def _serve(self) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(30)
            request = _whole(connection)
            self.requests.append(request)
            self._answering(connection, request)


def _whole(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65_536)
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def answering(how: Answering) -> Iterator[BadServer]:
    server = BadServer(how)
    try:
        yield server
    finally:
        server.close()


def raw(answer: bytes) -> Answering:
    return lambda connection, _request: connection.sendall(answer)


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
