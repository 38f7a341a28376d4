"""The cinema over HTTP, and its settings."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from recsysops_client import sign

from examples.cinema.app import build_app
from examples.cinema.hotfixes import Hotfixes
from examples.cinema.settings import Settings, WrongSetting, read_settings

from .conftest import Small


@pytest.fixture
async def http(cinema: Small) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(cinema.live, Hotfixes(cinema.live, clock=lambda: cinema.at), generate=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cinema") as client:
        yield client


async def test_a_member_is_recommended_films_that_are_in_the_catalogue(http: httpx.AsyncClient) -> None:
    answer = await http.get("/recommend", params={"member_id": "m00001", "k": 7, "device": "mobile"})
    items = answer.json()["items"]
    assert len({item["item_id"] for item in items}) == 7
    assert all(0 < item["score"] < 1 and item["title"] and item["country"] for item in items)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"member_id": "m99999"}, 404),
        ({}, 404),
        ({"member_id": "m00001", "k": "0"}, 400),
        ({"member_id": "m00001", "k": "many"}, 400),
        ({"member_id": "m00001", "device": "radio"}, 400),
    ],
)
async def test_a_wrong_request_is_answered_with_what_would_be_right(
    http: httpx.AsyncClient, given: dict[str, str], status: int
) -> None:
    answer = await http.get("/recommend", params=given)
    assert answer.status_code == status
    assert "m00000" in answer.text or "tv" in answer.text


async def test_a_fault_is_switched_listed_and_shown_on_the_page(http: httpx.AsyncClient) -> None:
    assert "on since" not in (await http.get("/")).text
    answer = await http.post("/faults/language", json={"on": True})
    assert answer.json() == {"name": "language", "on": True, "changed": True}
    assert (await http.post("/faults/language", json={"on": True})).json()["changed"] is False
    listed = {fault["name"]: fault["on"] for fault in (await http.get("/faults")).json()["faults"]}
    assert [name for name, on in listed.items() if on] == ["language"]
    page = (await http.get("/")).text
    assert "on since" in page
    assert "language unset" in page


async def test_a_page_of_another_site_cannot_switch_faults(http: httpx.AsyncClient) -> None:
    forged = await http.post(
        "/faults/language", content='{"on": true}', headers={"Content-Type": "text/plain"}
    )
    assert forged.status_code == 400
    assert (await http.post("/faults/nonsense", json={"on": True})).status_code == 404
    assert (await http.get("/status")).json()["faults"][0]["on"] is False


async def test_a_signed_call_applies_a_hotfix_once_and_an_unsigned_one_nothing(
    http: httpx.AsyncClient, cinema: Small
) -> None:
    def signed(**call: Any) -> tuple[bytes, dict[str, str]]:
        body, now = json.dumps({"id": "7", "hotfix": "feed_failover"} | call).encode(), int(time.time())
        signature = sign(cinema.settings.secret(), now, body)
        return body, {"X-RecSysOps-Timestamp": str(now), "X-RecSysOps-Signature": signature}

    body, headers = signed(action="apply")
    assert (await http.post("/hooks/recsysops", content=body)).status_code == 401
    assert not cinema.live.failover
    first = await http.post("/hooks/recsysops", content=body, headers=headers)
    again = await http.post("/hooks/recsysops", content=body, headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert (await http.get("/status")).json()["hotfixes"] == ["feed_failover"]
    body, headers = signed(id="a question", action="confirm")
    confirmed = (await http.post("/hooks/recsysops", content=body, headers=headers)).json()
    assert (confirmed["id"], confirmed["serving"]) == ("a question", ["7"])
    cinema.live.failover = False  # whatever was noted
    assert (await http.post("/hooks/recsysops", content=body, headers=headers)).json()["serving"] == []
    assert (await http.post("/hooks/recsysops", content=body)).status_code == 401
    body, headers = signed(action="revert")
    assert (await http.post("/hooks/recsysops", content=body, headers=headers)).json()["status"] == "reverted"
    assert not cinema.live.failover


def test_settings_come_from_the_environment_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    settings = read_settings({"CINEMA_FOLDER": str(tmp_path), "CINEMA_RATE": "0.5", "CINEMA_PORT": "0"})
    assert (settings.folder, settings.requests_per_second, settings.port) == (tmp_path, 0.5, 0)
    assert read_settings({}) == Settings()
    with pytest.raises(WrongSetting, match="CINEMA_RATE='fast' is not a number"):
        read_settings({"CINEMA_RATE": "fast"})
    with pytest.raises(WrongSetting, match="out of range"):
        read_settings({"CINEMA_HISTORY_DAYS": "-1"})
    assert settings.secret() == settings.secret() != ""
    assert (tmp_path / "webhook.secret").stat().st_mode & 0o077 == 0
