"""Faults that a test orders happen as ordered: in that way, and that often."""

from __future__ import annotations

import httpx
import pytest

from bot.workspace import Workspace
from bot.workspace.faults import FAULT, Faults
from tests.bot.workspace.driver import Driver, Refused


def post(workspace: Workspace) -> httpx.Response:
    headers = {"Authorization": "Bearer xoxb-local"}
    body = {"channel": "C-data", "text": "x"}
    return httpx.post(workspace.api_url + "chat.postMessage", json=body, headers=headers)


@pytest.mark.parametrize(
    ("kind", "status", "texts"),
    [("ratelimited", 429, []), ("server_error", 500, []), ("refused", 200, []), ("slow", 200, ["x"])],
)
def test_a_fault_is_answered_as_slack_does_and_has_no_effect_or_only_takes_longer(
    workspace: Workspace, driver: Driver, kind: str, status: int, texts: list[str]
) -> None:
    driver.fault(kind, method="chat.postMessage", delay_seconds=0.1, error="internal_error")
    assert post(workspace).status_code == status
    assert [m["text"] for m in driver.messages("C-data")] == texts


@pytest.mark.parametrize(("kind", "texts"), [("drop_after_effect", ["x"]), ("drop_before_effect", [])])
def test_a_dropped_connection_gives_no_answer(
    workspace: Workspace, driver: Driver, kind: str, texts: list[str]
) -> None:
    driver.fault(kind, method="chat.postMessage")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        post(workspace)
    assert [m["text"] for m in driver.messages("C-data")] == texts


def test_a_fault_that_is_none_is_refused_in_words(driver: Driver) -> None:
    with pytest.raises(Refused, match="ratelimited"):
        driver.fault("fire", method="auth.test")
    with pytest.raises(Refused, match="greater than or equal to 1"):
        driver.fault("slow", method="auth.test", count=0)


def test_a_fault_happens_to_its_method_as_often_as_ordered() -> None:
    faults = Faults()
    faults.order(FAULT.validate_python({"kind": "slow", "method": "chat.update", "count": 2}))
    assert faults.take(("slow",), "chat.postMessage") is None
    assert [faults.take(("slow",), "chat.update") is None for _ in range(3)] == [False, False, True]
