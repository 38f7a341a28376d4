"""Hotfixes sent to a receiver: as the client library understands them, and to servers that answer badly."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from recsysops_client.webhook import HotfixCall, WebhookReceiver

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from tests.workers.conftest import make_option
from tests.workers.deployers.badly import Answering, BadServer, answering, http, raw
from workers.deployers.webhook import ANSWER_BYTES, WebhookDeployer

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPTION = make_option(deployer="hook", parameters={"items": ["a"]})
GENEROUS_SECONDS = 20.0
"""Far more than the deadline in a test, for a busy machine; far less than the server would take."""


def deployer(url: str, secret: str = "shared", seconds: float = 10.0) -> WebhookDeployer:
    return WebhookDeployer(url, secret, clock=lambda: AT, timeout_seconds=seconds)


def said(status: str, key: str = "e", hotfix: str = "fill_language", **more: object) -> bytes:
    return orjson.dumps({"status": status, "id": key, "hotfix": hotfix, "detail": "so it is", **more})


def applied(how: Answering, seconds: float = 10.0) -> str:
    with answering(how) as server:
        return deployer(server.url, seconds=seconds).apply("e", OPTION, None)


def uncertain(how: Answering, seconds: float = 10.0) -> str:
    with pytest.raises(DeployUncertain) as caught:
        applied(how, seconds)
    return str(caught.value)


def refused(how: Answering) -> str:
    with pytest.raises(DeployError) as caught:
        applied(how)
    assert not isinstance(caught.value, DeployUncertain)
    return str(caught.value)


def received(receiver: WebhookReceiver) -> Answering:
    def answer(connection: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:]]
        status, document = receiver.receive({line[0]: line[1] for line in lines}, body)
        connection.sendall(http(f"{status} So", orjson.dumps(document)))

    return answer


def test_the_client_receiver_accepts_the_call_and_does_it_once(tmp_path: Path) -> None:
    done: list[HotfixCall] = []
    receiver = WebhookReceiver("shared", tmp_path / "journal", clock=AT.timestamp)

    def act(call: HotfixCall) -> str:
        done.append(call)
        return f"{call.action} done"

    receiver.register("fill_language", act)
    with answering(received(receiver)) as server:
        sender = deployer(server.url)
        assert sender.apply("event-1", OPTION, AT + timedelta(days=1)) == "127.0.0.1 applied it"
        assert sender.apply("event-1", OPTION, AT + timedelta(days=1)) == "127.0.0.1 applied it"
        assert sender.revert("event-1", OPTION) == "127.0.0.1 reverted it"
        assert [(call.id, call.action) for call in done] == [("event-1", "apply"), ("event-1", "revert")]
        assert done[0].parameters == {"items": ["a"]}
        assert done[0].expires_at == "2026-03-02T12:00:00+00:00"
        with pytest.raises(DeployError, match="refused to apply it"):
            deployer(server.url, secret="other").apply("event-2", OPTION, None)


def test_a_revert_that_overtook_its_apply_refuses_it_for_certain(tmp_path: Path) -> None:
    receiver = WebhookReceiver("shared", tmp_path / "journal", clock=AT.timestamp)
    receiver.register("fill_language", lambda call: pytest.fail("the hook ran"))
    with answering(received(receiver)) as server:
        deployer(server.url).revert("e", OPTION)
        with pytest.raises(DeployError, match="refused to apply it") as caught:
            deployer(server.url).apply("e", OPTION, AT + timedelta(days=1))
        assert not isinstance(caught.value, DeployUncertain)


def test_done_is_only_what_is_said_to_be_done() -> None:
    assert applied(raw(http("200 OK", said("applied")))) == "127.0.0.1 applied it"
    assert "refused to apply it" in refused(raw(http("200 OK", said("refused"))))
    for status in ("reverted", "failed", "accepted", "APPLIED", ""):
        assert 'without saying that it did it ("status": "applied")' in uncertain(
            raw(http("200 OK", said(status)))
        )
    for body in (b"", b"<html>Please log in</html>", b"[]", b'"applied"', b'{"detail": "ok"}', b"{" * 9):
        assert "without saying that it did it" in uncertain(raw(http("200 OK", body)))


@pytest.mark.parametrize("about", [{"key": "another"}, {"hotfix": "another"}, {"key": ""}])
def test_an_answer_about_another_call_is_not_taken_for_this_one(about: Mapping[str, str]) -> None:
    assert "about another call" in uncertain(raw(http("200 OK", said("applied", **about))))


def test_an_answer_that_names_no_call_is_not_taken_for_this_one() -> None:
    assert "about another call" in uncertain(raw(http("200 OK", b'{"status": "applied"}')))


@pytest.mark.parametrize("status", ["500 No", "502 No", "503 No", "408 No", "409 No"])
def test_a_receiver_that_errs_leaves_it_uncertain_also_after_doing_it(status: str) -> None:
    assert "does not know whether it did it" in uncertain(raw(http(status, said("applied"))))


@pytest.mark.parametrize("status", ["400 No", "401 No", "404 No", "410 No", "422 No"])
def test_a_refusal_is_an_error_and_certain(status: str) -> None:
    assert "refused to apply it" in refused(raw(http(status, b'{"detail": "no"}')))
    assert "and yet “applied”" in uncertain(raw(http(status, said("applied"))))


def test_a_redirect_is_refused_and_not_followed() -> None:
    with answering(raw(http("200 OK", said("applied")))) as elsewhere:
        for status in ("300 Choose", "301 Go", "302 Go", "307 Go", "308 Go"):
            assert "refused" in refused(raw(http(status, b"", f"Location: {elsewhere.url}")))
        assert elsewhere.accepted == 0


def dripping(parts: Iterator[bytes]) -> Answering:
    def drip(connection: socket.socket, _request: bytes) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.05)

    return drip


def endless(part: bytes, before: bytes = b"") -> Iterator[bytes]:
    yield before
    for _ in range(10_000):
        yield part


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "how",
    [
        dripping(endless(b"H")),
        dripping(endless(b"X-A: b\r\n", b"HTTP/1.1 200 OK\r\n")),
        dripping(endless(b" ", b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")),
        dripping(endless(b"1\r\n \r\n", CHUNKED)),
        dripping(endless(b"HTTP/1.1 102 Processing\r\n\r\n")),
        dripping(endless(b"", b"")),
    ],
    ids=["status line", "headers", "body", "chunks", "provisional answers", "nothing"],
)
def test_one_deadline_holds_for_the_whole_call(how: Answering) -> None:
    began = time.monotonic()
    assert "asking again with the same id is safe" in uncertain(how, seconds=0.2)
    assert time.monotonic() - began < GENEROUS_SECONDS


def test_a_name_that_is_looked_up_for_ever_does_not_hold_up_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def looked_up(*_asked: object, **_how: object) -> list[object]:
        answered.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    began = time.monotonic()
    with pytest.raises(DeployError):
        deployer("https://recommender.example/hotfix", seconds=0.2).apply("e", OPTION, None)
    assert time.monotonic() - began < GENEROUS_SECONDS
    answered.set()


@pytest.mark.parametrize("port", ["70000", "x", "0"])
def test_a_port_that_is_none_is_said_to_be_so(port: str) -> None:
    with pytest.raises(DeployError, match="its address is none"):
        deployer(f"http://127.0.0.1:{port}/hotfix").apply("e", OPTION, None)


def test_a_packed_answer_is_not_unpacked_and_a_long_one_not_kept() -> None:
    bomb = gzip.compress(b" " * 50_000_000, 1)
    packed = http("200 OK", bomb, "Content-Encoding: gzip")
    long = http("200 OK", b" " * 10_000_000)
    tracemalloc.start()
    try:
        assert "answered packed" in uncertain(raw(packed))
        assert f"more than {ANSWER_BYTES:,} bytes" in uncertain(raw(long))
        assert "more than" in uncertain(
            dripping(iter([CHUNKED, *[b"ffff\r\n" + b" " * 65_535 + b"\r\n"] * 3]))
        )
        assert tracemalloc.get_traced_memory()[1] < 35_000_000  # the server's own copies are most of it
    finally:
        tracemalloc.stop()
    with answering(raw(http("200 OK", said("applied")))) as server:
        deployer(server.url).apply("e", OPTION, None)
        assert b"accept-encoding: identity" in server.requests[0].lower()


def test_an_answer_cut_at_any_byte_is_uncertain() -> None:
    whole = http("200 OK", said("applied"))
    for cut in range(0, len(whole), 5):
        assert "asking again with the same id is safe" in uncertain(raw(whole[:cut]))
    longer = whole.replace(b"Content-Length: ", b"Content-Length: 9")
    assert "gave no answer" in uncertain(raw(longer))
    assert "gave no answer" in uncertain(raw(b"\x00\xff" * 100))


def test_nobody_there_is_certain_and_a_proxy_of_the_environment_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(DeployError, match="is the receiver running") as caught:
        deployer(f"http://127.0.0.1:{port}/x").apply("e", OPTION, None)
    assert not isinstance(caught.value, DeployUncertain)
    with answering(raw(http("200 OK", said("applied")))) as proxy, server_of(said("applied")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert deployer(server.url).apply("e", OPTION, None) == "127.0.0.1 applied it"
        assert (proxy.accepted, server.accepted) == (0, 1)


def server_of(body: bytes) -> AbstractContextManager[BadServer]:
    return answering(raw(http("200 OK", body)))


def test_a_server_whose_certificate_is_not_trusted_is_not_told_anything() -> None:
    with answering(raw(http("200 OK", said("applied")))) as server:
        with pytest.raises(DeployError):
            deployer(server.url.replace("http://", "https://"), seconds=0.5).apply("e", OPTION, None)
        assert [request for request in server.requests if b"fill_language" in request] == []


@pytest.mark.parametrize(
    "url", ["http://recommender.example/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https://"]
)
def test_only_https_or_this_machine_may_be_called(url: str) -> None:
    with pytest.raises(ConfigurationError, match="needs https"):
        deployer(url)


def test_an_empty_secret_is_refused_and_loopback_is_allowed() -> None:
    with pytest.raises(ConfigurationError, match="secret is empty"):
        deployer("http://127.0.0.1:8400/hotfix", "")
    assert deployer("http://127.0.0.1:8400/hotfix", "s").url.endswith("/hotfix")


def test_no_message_shows_the_path_which_may_hold_a_token() -> None:
    def token(server: BadServer) -> str:
        return server.url.replace("/hotfix", "/T0KEN")

    for body in (said("refused"), b"", said("applied", key="x")):
        with server_of(body) as server, pytest.raises(DeployError) as caught:
            deployer(token(server)).apply("e", OPTION, None)
        assert "T0KEN" not in str(caught.value)


def test_the_body_is_what_was_signed() -> None:
    with server_of(said("applied")) as server:
        deployer(server.url).apply("e", OPTION, None)
    assert orjson.loads(server.requests[0].partition(b"\r\n\r\n")[2]) == {
        "id": "e", "action": "apply", "hotfix": "fill_language", "parameters": {"items": ["a"]},
        "expires_at": None,
    }  # fmt: skip
