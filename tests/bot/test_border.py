"""What strangers send to the web process is answered and bounded, and never makes us fall over."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
from contextlib import closing, suppress
from urllib.parse import urlencode

import httpx
import psutil
import pytest
from starlette.applications import Starlette

from bot.border import connection
from bot.border.server import server
from domain.incident.state import Incident
from tests.bot.conftest import SECRET
from tests.bot.slack.test_announce import submit
from tests.bot.stories import OPENED
from workers.door import Door

PATIENCE = 30.0


@pytest.fixture
def address(web: str) -> tuple[str, int]:
    host, _, port = web.removeprefix("http://").partition(":")
    return host, int(port)


@pytest.fixture
def stream(door: Door) -> str:
    return submit(door, OPENED)


def signed(body: bytes, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={mac}",
        "content-type": "application/x-www-form-urlencoded",
    }


def pressed(stream: str, trigger: str = "T1.1") -> bytes:
    """A genuine press of “I have it”."""
    payload = {
        "type": "block_actions",
        "team": {"id": "T-local"},
        "user": {"id": "U-oncall"},
        "trigger_id": trigger,
        "response_url": "http://127.0.0.1:9/nowhere",
        "actions": [
            {
                "type": "button",
                "action_id": "acknowledge",
                "block_id": "b",
                "value": f"{stream}|1||",
            }
        ],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def post(web: str, body: bytes, headers: dict[str, str] | list[tuple[str, str]]) -> httpx.Response:
    return httpx.post(f"{web}/slack/events", content=body, headers=headers, trust_env=False, timeout=PATIENCE)


def now(door: Door, stream: str) -> Incident:
    incident = door.incident(stream)
    assert incident is not None
    return incident


def until_closed(link: socket.socket) -> bytes:
    """What comes before the other side closes."""
    link.settimeout(PATIENCE)
    came = b""
    try:
        while piece := link.recv(65536):
            came += piece
    except ConnectionResetError:
        pass
    return came


def opened(address: tuple[str, int]) -> closing[socket.socket]:
    return closing(socket.create_connection(address, timeout=PATIENCE))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"payload=%7B", "application/x-www-form-urlencoded"),
        (b"payload=[]", "application/x-www-form-urlencoded"),
        (b"payload=" + b"[" * 100_000, "application/x-www-form-urlencoded"),
        (b"payload=null&payload=1", "application/x-www-form-urlencoded"),
        (b"{", "application/json"),
        (b'{"type": ', "application/x-www-form-urlencoded"),
        (b"[1]", "application/json; charset=utf-8"),
        (b"&".join(b"a=%d" % n for n in range(5000)), "application/x-www-form-urlencoded"),
    ],
)
def test_what_cannot_be_read_is_no_fault_of_ours_signed_or_not(
    web: str, door: Door, stream: str, body: bytes, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert post(web, body, {"content-type": kind}).status_code in (400, 401)
    assert post(web, body, signed(body) | {"content-type": kind}).status_code == 400
    assert now(door, stream).version == 1
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_body_over_a_megabyte_is_refused_before_it_is_sent(address: tuple[str, int]) -> None:
    with opened(address) as link:
        link.sendall(b"POST /slack/events HTTP/1.1\r\nhost: x\r\ncontent-length: 209715200\r\n\r\n")
        assert until_closed(link).startswith(b"HTTP/1.1 413 ")


def test_a_body_in_chunks_is_counted_as_it_comes_and_takes_no_memory(address: tuple[str, int]) -> None:
    before = psutil.Process().memory_info().rss
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with opened(address) as link:
        link.sendall(b"POST /slack/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 200 * 2**20:
                link.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        came = until_closed(link)
    assert came.startswith(b"HTTP/1.1 413 ") or sent < 200 * 2**20
    assert psutil.Process().memory_info().rss - before < 64 * 2**20


@pytest.mark.parametrize(
    "length",
    ["-1", "1e3", "0x10", "9" * 30, "1, 1", "١"],
    ids=["minus", "float", "hex", "huge", "two", "arabic"],
)
def test_a_length_that_is_none_is_refused(address: tuple[str, int], length: str) -> None:
    with opened(address) as link:
        link.sendall(f"POST /slack/events HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n".encode())
        assert until_closed(link)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413")


def test_two_ways_of_saying_how_long_a_body_is_are_refused(address: tuple[str, int]) -> None:
    with opened(address) as link:
        link.sendall(
            b"POST /slack/events HTTP/1.1\r\nhost: x\r\n"
            b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /health HTTP/1.1\r\n\r\n"
        )
        came = until_closed(link)
    assert came.startswith(b"HTTP/1.1 400")
    assert b"ok" not in came


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of half a second."""
    monkeypatch.setattr("bot.border.connection.HEADER_SECONDS", 0.5)
    monkeypatch.setattr("bot.border.connection.ANSWER_SECONDS", 2.0)
    monkeypatch.setattr("bot.border.body.BODY_SECONDS", 0.5)


@pytest.mark.usefixtures("hurried")
def test_headers_that_never_end_are_cut_off(address: tuple[str, int]) -> None:
    for begun in (b"", b"GET / HTT", b"GET / HTTP/1.1\r\nhost: x\r\nx-more: "):
        with opened(address) as link:
            link.sendall(begun)
            came = until_closed(link)
        assert came.startswith(b"HTTP/1.1 408") or not begun


@pytest.mark.usefixtures("hurried")
def test_headers_that_drip_are_cut_off_all_the_same(address: tuple[str, int]) -> None:
    with opened(address) as link:
        link.sendall(b"GET / HTTP/1.1\r\n")
        until = time.monotonic() + PATIENCE
        with pytest.raises(OSError):
            while time.monotonic() < until:
                link.sendall(b"x-a: b\r\n")
                time.sleep(0.05)
        assert time.monotonic() < until


@pytest.mark.parametrize(
    "whole",
    [
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx-more: " + b"x" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-a: bcdefghi\r\n" * 4_000 + b"\r\n",
    ],
    ids=["address", "one", "many"],
)
def test_headers_that_are_too_large_are_refused_though_they_come_whole(
    address: tuple[str, int], whole: bytes
) -> None:
    with opened(address) as link:
        link.sendall(whole)
        assert until_closed(link).startswith(b"HTTP/1.1 431 ")


def test_headers_without_end_are_cut_off_by_their_size(address: tuple[str, int]) -> None:
    with opened(address) as link:
        with suppress(OSError):
            link.sendall(b"GET / HTTP/1.1\r\n" + b"x-a: bcdefghi\r\n" * 50_000)
        assert until_closed(link)[:12] in (b"HTTP/1.1 431", b"")


def test_a_load_balancer_gives_an_idle_connection_up_before_the_server_does() -> None:
    longest = 600  # Google's, https://cloud.google.com/load-balancing/docs/https#timeouts_and_retries
    assert server(Starlette(), "127.0.0.1", 0).config.timeout_keep_alive > longest


@pytest.fixture
def hurried_web(hurried: None, web: str) -> str:
    return web


def test_a_body_that_does_not_come_is_cut_off(hurried_web: str, address: tuple[str, int]) -> None:
    with opened(address) as link:
        link.sendall(b"POST /slack/events HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
        link.settimeout(PATIENCE)
        assert link.recv(100).startswith(b"HTTP/1.1 408")


def test_half_requests_keep_nobody_out(
    monkeypatch: pytest.MonkeyPatch, web: str, door: Door, stream: str, address: tuple[str, int]
) -> None:
    monkeypatch.setattr("bot.border.connection.MOST_CONNECTIONS", 50)
    halves = [socket.create_connection(address, timeout=PATIENCE) for _ in range(200)]
    try:
        for one in halves:
            try:
                one.sendall(b"POST /slack/events HTTP/1.1\r\nhost: x\r\n")
            except OSError:
                continue  # it had to give way already
        body = pressed(stream)
        assert post(web, body, signed(body)).status_code == 200
        assert now(door, stream).acknowledged_by == "slack:U-oncall"
        links = [one for one in psutil.Process().net_connections() if one.laddr and one.raddr]
        served = [one for one in links if one.laddr.port == address[1] and one.status == "ESTABLISHED"]
        assert len(served) <= 60
    finally:
        for one in halves:
            one.close()


def test_requests_in_a_row_on_one_connection_are_bounded(address: tuple[str, int]) -> None:
    with opened(address) as link:
        link.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n" * 5000)
        came = until_closed(link)
    assert came.count(b"HTTP/1.1 200") <= connection.MOST_PIPELINED + 2


RAW = {
    "noise": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no version": b"GET /\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n",
    "a null byte": b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
    "a path of bytes": b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    "an encoded null": b"GET /reports/%00 HTTP/1.1\r\nhost: x\r\n\r\n",
    "encoded bytes": b"GET /pictures/%ff%fe.png?link=%ff HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
    "no such method": b"BREW / HTTP/1.1\r\nhost: x\r\n\r\n",
    "CONNECT": b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
    "an absolute address": b"GET http://evil.example/ HTTP/1.1\r\nhost: x\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
    "a WebSocket": b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a bad host": b"GET / HTTP/1.1\r\nhost: a b:c:d\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n\r\n",
    "no host": b"GET / HTTP/1.0\r\n\r\n",
    "PUT": b"PUT /slack/events HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
    "dots": b"GET /../../etc/passwd HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
    "a cookie of noise": b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: recsysops=\xff\xfe==; ;=\r\n\r\n",
    "a bad chunk": b"POST /slack/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "another encoding": b"POST /slack/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\nzz",
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_no_request_is_refused_without_a_fault_of_ours(
    web: str, address: tuple[str, int], name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with opened(address) as link:
        link.sendall(RAW[name])
        link.shutdown(socket.SHUT_WR)
        came = until_closed(link)
    assert came == b"" or came[9:10] == b"4", came[:100]
    assert "Traceback" not in "".join(capfd.readouterr())
    assert httpx.get(f"{web}/health", trust_env=False).text == "ok\n"
