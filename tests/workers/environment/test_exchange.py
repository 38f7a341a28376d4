"""An exchange with a stranger ends, whatever the stranger does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from workers.environment.exchange import NoAnswer, NotReached, exchange, is_safe

Speak = Callable[[socket.socket], None]


@contextmanager
def stranger(speak: Speak) -> Iterator[str]:
    """Somebody at a port who says what `speak` says, to one caller after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        speak(connection)
            except OSError:
                return  # whoever called has hung up, or the test is over

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        listening.shutdown(socket.SHUT_RDWR)


def silent(connection: socket.socket) -> None:
    time.sleep(30)


def drips_its_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for n in range(300):
        connection.sendall(f"X-{n}: x\r\n".encode())
        time.sleep(0.1)


def never_ends_its_answer(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(300):
        connection.sendall(b"x")
        time.sleep(0.1)


def hangs_up(connection: socket.socket) -> None:
    connection.recv(100)


def speaks_no_http(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH\r\n")


def floods(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


@pytest.mark.parametrize(
    "speak", [silent, drips_its_headers, never_ends_its_answer, hangs_up, speaks_no_http, floods]
)
def test_it_ends_without_an_answer(speak: Speak) -> None:
    began = time.monotonic()
    with stranger(speak) as url, pytest.raises(NoAnswer, match=r"^127\.0\.0\.1 "):
        exchange("POST", url, b"{}", {}, seconds=1.0, most_bytes=100_000)
    assert time.monotonic() - began < 25


def test_who_is_not_there_was_not_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotReached, match=r"^127\.0\.0\.1 could not be reached$"):
        exchange("GET", f"http://me:secret@127.0.0.1:{port}/token", b"", {}, seconds=5.0, most_bytes=10)


def test_an_answer_comes_as_it_is() -> None:
    def answers(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 418 Teapot\r\nContent-Length: 5\r\n\r\nshort")

    with stranger(answers) as url:
        assert exchange("GET", url, b"", {}, seconds=10.0, most_bytes=5) == (418, b"short")


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://example.org/x", True),
        ("http://127.0.0.1:8000/", True),
        ("http://[::1]/", True),
        ("http://localhost/", True),
        ("http://example.org/", False),
        ("http://127.0.0.1.example.org/", False),
        ("http://localhost.example.org/", False),
        ("ftp://127.0.0.1/", False),
        ("https:///x", False),
        ("", False),
    ],
)
def test_which_addresses_may_be_asked(url: str, safe: bool) -> None:
    assert is_safe(url) is safe
