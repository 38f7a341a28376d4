"""Hotfixes sent to a receiver, as the client library understands them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import orjson
import pytest
from recsysops_client.webhook import HotfixCall, WebhookReceiver

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from tests.workers.conftest import make_option
from workers.deployers.webhook import WebhookDeployer

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://recommender.example/hotfix"
OPTION = make_option(deployer="hook", parameters={"items": ["a"]})


def deployer(answer: httpx.MockTransport, secret: str = "shared") -> WebhookDeployer:
    return WebhookDeployer(URL, secret, clock=lambda: AT, transport=answer)


def test_the_client_receiver_accepts_the_call_and_does_it_once(tmp_path: Path) -> None:
    done: list[HotfixCall] = []
    receiver = WebhookReceiver("shared", tmp_path / "journal", clock=AT.timestamp)

    def act(call: HotfixCall) -> str:
        done.append(call)
        return f"{call.action} done"

    receiver.register("fill_language", act)

    def serve(request: httpx.Request) -> httpx.Response:
        status, body = receiver.receive(request.headers, request.read())
        return httpx.Response(status, json=body)

    sender = deployer(httpx.MockTransport(serve))
    assert sender.apply("event-1", OPTION, AT + timedelta(days=1)) == "apply done"
    assert sender.apply("event-1", OPTION, AT + timedelta(days=1)) == "apply done"
    assert sender.revert("event-1", OPTION) == "revert done"
    assert [(call.id, call.action) for call in done] == [("event-1", "apply"), ("event-1", "revert")]
    assert done[0].parameters == {"items": ["a"]}
    assert done[0].expires_at == "2026-03-02T12:00:00+00:00"
    with pytest.raises(DeployError, match="refused to apply it \\(401\\)"):
        deployer(httpx.MockTransport(serve), secret="other").apply("event-2", OPTION, None)


@pytest.mark.parametrize(
    ("status", "error"), [(500, DeployUncertain), (503, DeployUncertain), (409, DeployUncertain)]
)
def test_a_receiver_that_errs_leaves_it_uncertain(status: int, error: type[DeployError]) -> None:
    with pytest.raises(error, match=str(status) if status >= 500 else "does not know"):
        deployer(httpx.MockTransport(lambda _: httpx.Response(status))).apply("e", OPTION, None)


@pytest.mark.parametrize("status", [302, 400, 404, 422])
def test_a_refusal_or_a_redirect_is_an_error_and_certain(status: int) -> None:
    answer = httpx.Response(status, headers={"Location": "https://elsewhere.example"}, json={"detail": "no"})
    with pytest.raises(DeployError) as caught:
        deployer(httpx.MockTransport(lambda _: answer)).apply("e", OPTION, None)
    assert not isinstance(caught.value, DeployUncertain)


def test_no_answer_in_time_is_uncertain_and_no_connection_is_certain() -> None:
    def hang(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too late", request=request)

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(DeployUncertain, match="asking again with the same id is safe"):
        deployer(httpx.MockTransport(hang)).apply("e", OPTION, None)
    with pytest.raises(DeployError, match="is the receiver running") as caught:
        deployer(httpx.MockTransport(refuse)).apply("e", OPTION, None)
    assert not isinstance(caught.value, DeployUncertain)


@pytest.mark.parametrize(
    "url", ["http://recommender.example/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https://"]
)
def test_only_https_or_this_machine_may_be_called(url: str) -> None:
    with pytest.raises(ConfigurationError, match="needs https"):
        WebhookDeployer(url, "shared", clock=lambda: AT)


def test_an_empty_secret_is_refused_and_loopback_is_allowed() -> None:
    with pytest.raises(ConfigurationError, match="secret is empty"):
        WebhookDeployer("http://127.0.0.1:8400/hotfix", "", clock=lambda: AT)
    assert WebhookDeployer("http://127.0.0.1:8400/hotfix", "s", clock=lambda: AT).url.endswith("/hotfix")


def test_the_body_is_what_was_signed() -> None:
    seen: list[bytes] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request.read())
        return httpx.Response(200, json={"detail": "ok"})

    deployer(httpx.MockTransport(serve)).apply("e", OPTION, None)
    assert orjson.loads(seen[0]) == {
        "id": "e", "action": "apply", "hotfix": "fill_language", "parameters": {"items": ["a"]},
        "expires_at": None,
    }  # fmt: skip
