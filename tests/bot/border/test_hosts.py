"""A page that a browser was led to under another name (DNS rebinding) is not shown, on loopback either."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from starlette.testclient import TestClient

from bot.border.answers import known_hosts
from bot.pages.metrics import alone
from bot.settings import BotSettings
from bot.slack.app import create_app
from workers.door import Door

FORWARDED = {
    "x-forwarded-host": "ops.example",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "https",
    "forwarded": "for=127.0.0.1;host=ops.example;proto=https",
    "x-real-ip": "127.0.0.1",
}
STRANGE = [
    "evil.example",
    "evil.example:9100",
    "127.0.0.1.evil.example",
    "localhost.",
    "0.0.0.0",
    "",
    "@127.0.0.1",
]


@pytest.fixture
def numbers(door: Door) -> Iterator[TestClient]:
    ours = known_hosts("https://ops.example", ["ops.internal"])
    with TestClient(alone(door, ours), base_url="http://127.0.0.1:9100") as client:
        yield client


@pytest.mark.parametrize("host", STRANGE)
def test_the_numbers_on_loopback_are_told_under_no_foreign_name(numbers: TestClient, host: str) -> None:
    for more in ({}, FORWARDED):
        answered = numbers.get("/metrics", headers={"host": host, **more})
        assert answered.status_code == 400
        assert "recsysops_" not in answered.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9100", "localhost", "LOCALHOST:1", "[::1]:9100", "ops.example", "ops.internal:80"]
)
def test_the_numbers_on_loopback_are_told_under_a_name_of_ours(numbers: TestClient, host: str) -> None:
    answered = numbers.get("/metrics", headers={"host": host})
    assert answered.status_code == 200
    assert "recsysops_owed" in answered.text


@pytest.mark.parametrize(
    "path", ["/", "/audit", "/reports/1", "/pictures/0.png", "/login", "/login/done", "/nowhere"]
)
def test_no_page_is_shown_under_a_foreign_name_whatever_is_forwarded(web: str, path: str) -> None:
    for more in ({}, FORWARDED):
        answered = httpx.get(f"{web}{path}", headers={"host": "evil.example", **more}, trust_env=False)
        assert (answered.status_code, answered.text) == (400, "Invalid host header")


def test_what_a_stranger_forwards_opens_nothing_and_is_in_no_answer(given: BotSettings, door: Door) -> None:
    told = replace(given, metrics_token="right")
    with TestClient(create_app(told, door), base_url="http://127.0.0.1") as client:
        for path in ("/metrics", "/", "/reports/1"):
            answered = client.get(path, headers=FORWARDED)
            assert answered.status_code == 401
            assert "ops.example" not in str(answered.headers) + answered.text
