"""Faults that a test orders happen as ordered: in that way, and that often."""

from __future__ import annotations

import time

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.workspace import Workspace
from bot.workspace.faults import API_FAULTS, DELIVERY_FAULTS, Fault, Faults
from tests.bot.workspace.driver import Driver, Refused


def post(workspace: Workspace, text: str = "x") -> httpx.Response:
    headers = {"Authorization": "Bearer xoxb-local"}
    body = {"channel": "C-data", "text": text}
    return httpx.post(workspace.api_url + "chat.postMessage", json=body, headers=headers)


def test_rate_limits_say_when_to_come_again(workspace: Workspace, driver: Driver, client: WebClient) -> None:
    driver.fault("ratelimited", method="chat.postMessage", count=2, retry_after=7)
    for _ in range(2):
        with pytest.raises(SlackApiError) as refused:
            client.chat_postMessage(channel="C-data", text="x")
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "7"
        assert refused.value.response["error"] == "ratelimited"
    assert client.chat_postMessage(channel="C-data", text="x")["ok"]


def test_slack_sdks_own_retry_waits_out_a_rate_limit(workspace: Workspace, driver: Driver) -> None:
    driver.fault("ratelimited", retry_after=1)
    patient = WebClient(
        token="xoxb-local",
        base_url=workspace.api_url,
        retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=1)],
    )
    assert patient.auth_test()["ok"]


def test_other_methods_are_not_touched_by_a_fault(driver: Driver, client: WebClient) -> None:
    driver.fault("server_error", method="chat.update")
    assert client.auth_test()["ok"]
    assert driver.state()["faults"][0]["count"] == 1


def test_a_server_error_has_no_effect(workspace: Workspace, driver: Driver) -> None:
    driver.fault("server_error")
    assert post(workspace).status_code == 500
    assert driver.messages("C-data") == []


def test_a_slow_call_answers_in_the_end(workspace: Workspace, driver: Driver) -> None:
    driver.fault("slow", delay_seconds=0.3)
    started = time.monotonic()
    assert post(workspace).json()["ok"]
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize(("kind", "texts"), [("drop_after_effect", ["x"]), ("drop_before_effect", [])])
def test_a_dropped_connection_gives_no_answer(
    workspace: Workspace, driver: Driver, kind: str, texts: list[str]
) -> None:
    driver.fault(kind, method="chat.postMessage")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        post(workspace)
    assert [m["text"] for m in driver.messages("C-data")] == texts


def test_a_fault_that_is_none_is_refused_in_words(driver: Driver) -> None:
    with pytest.raises(Refused, match="No such fault: fire"):
        driver.fault("fire")
    with pytest.raises(Refused, match="at least once"):
        driver.fault("slow", count=0)


@pytest.mark.parametrize("kind", API_FAULTS + DELIVERY_FAULTS)
def test_each_fault_happens_as_often_as_ordered(kind: str) -> None:
    faults = Faults()
    faults.order(Fault(kind, method="chat.update", count=2))
    assert faults.take((kind,), "chat.postMessage") is None
    assert [faults.take((kind,), "chat.update") is None for _ in range(3)] == [False, False, True]


def test_orders_can_be_forgotten(workspace: Workspace, driver: Driver, client: WebClient) -> None:
    driver.fault("server_error", count=5)
    httpx.delete(workspace.url + "/control/faults")
    assert client.auth_test()["ok"]
