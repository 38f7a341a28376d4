"""The web process: what it serves, how light it is, and that it refuses strangers."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from slack_sdk.socket_mode.request import SocketModeRequest
from structlog.testing import capture_logs

from bot.border.answers import known_hosts
from bot.pages.links import Links
from bot.pages.metrics import alone, of_owed, text
from bot.settings import BotSettings
from bot.slack import socket as socket_mode
from bot.slack.announce import Announcer
from bot.slack.app import slack_app
from bot.workspace import Workspace, WorkspaceSettings
from tests.bot.conftest import Look, held_port, served, settle
from tests.bot.slack.test_announce import heads, submit
from tests.bot.stories import DIAGNOSIS, OPENED, WAY
from tests.bot.workspace.driver import Driver
from workers.door import Door, ObligationSum

SCIENCE = ("pandas", "numpy", "scipy", "sklearn", "shap", "duckdb", "ibis", "matplotlib")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def test_the_web_process_loads_no_science_and_is_light() -> None:
    program = (
        "import sys, psutil, bot.slack.app, bot.slack.announce, bot.cli.main\n"
        f"print([m for m in {SCIENCE!r} if m in sys.modules])\n"
        "print(psutil.Process().memory_info().rss // 2**20)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=True
    )
    loaded, megabytes = done.stdout.splitlines()
    assert loaded == "[]"
    assert int(megabytes) < 150


def counted(door: Door) -> str:
    """What Prometheus reads."""
    with held_port() as port, served(alone(door, known_hosts("", [])), port):
        return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text


def test_it_is_healthy_and_counts(web: str, door: Door) -> None:
    submit(door, *WAY)
    healthy = httpx.get(f"{web}/health", trust_env=False)
    assert (healthy.status_code, healthy.text) == (200, "ok\n")
    numbers = counted(door)
    assert 'recsysops_incidents{status="closed",severity="SEV2"} 1' in numbers
    assert 'recsysops_mean_seconds{step="resolve"}' in numbers


def test_the_numbers_say_what_is_owed_how_long_and_what_is_in_trouble(door: Door) -> None:
    submit(door, OPENED)
    said = counted(door).splitlines()
    assert "recsysops_owed 2" in said
    assert "recsysops_owed_in_trouble 0" in said
    (oldest,) = [line for line in said if line.startswith('recsysops_owed_oldest_seconds{kind="diagnose"} ')]
    assert 0 <= float(oldest.split()[-1]) < 60
    since = datetime(2026, 3, 1, 2, 40, tzinfo=UTC)
    owed = [ObligationSum(kind="apply", count=2, oldest=since, in_trouble=1)]
    metrics = text(of_owed(owed, since + timedelta(minutes=2)))
    assert "recsysops_owed_in_trouble 1" in metrics.splitlines()
    assert 'recsysops_owed_oldest_seconds{kind="apply"} 120.0' in metrics.splitlines()


def test_the_report_opens_with_all_its_parts_in_order(look: Look, door: Door) -> None:
    submit(door, *WAY)
    page = look("/reports/1")
    assert page.status_code == 200
    parts = ["What happened", "Who was hit", "Why", "What was done", "What changes", "Minute by minute"]
    places = [page.text.index(f"<h2>{part}") for part in parts]
    assert places == sorted(places)
    assert f"/pictures/{DIAGNOSIS.picture}.png" in page.text
    assert "script" not in page.headers["content-security-policy"]
    assert look("/reports/1.md").text.startswith("# #1 Films from Denmark")


def test_what_is_not_there_is_said_so(look: Look) -> None:
    assert look("/reports/99").status_code == 404
    assert "no incident #99" in look("/reports/99").text
    assert look("/pictures/nothing.png").status_code == 404
    assert look("/").status_code == 200


def test_incidents_are_listed_by_status_and_severity(look: Look, door: Door) -> None:
    from domain.incident.commands import DeclareIncident
    from domain.values import Severity

    submit(door, DeclareIncident(number=0, title="Trailers are silent", severity=Severity.SEV4))
    assert "Trailers are silent" in look("/").text
    assert "Trailers are silent" in look("/?status=open&severity=SEV4").text
    assert "Films from Denmark" not in look("/?severity=SEV4").text
    assert "No incident matches" in look("/?status=closed").text
    assert "No incident matches" in look("/?below=1").text


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/?status=shut", "status"),
        ("/?severity=SEV9", "severity"),
        ("/?below=x", "below"),
        ("/?page=2", "page"),
    ],
)
def test_an_address_that_asks_for_no_incidents_says_what_is_wrong(look: Look, path: str, says: str) -> None:
    answered = look(path)
    assert answered.status_code == 400
    assert f"\n{says}" in answered.text


async def test_socket_mode_presses_reach_the_log(door: Door, given: BotSettings) -> None:
    with Workspace(WorkspaceSettings(port=0)) as room:
        over_socket = BotSettings(
            bot_token="xoxb-local",
            signing_secret="",
            app_token="xapp-local",
            slack_base_url=room.api_url,
            public_url=given.public_url,
            host="127.0.0.1",
            port=0,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(socket_mode.run(over_socket, door, stop))
        driver = Driver(room.url)
        answered = None
        until = time.monotonic() + 60
        while time.monotonic() < until and (answered is None or answered.error):
            await asyncio.sleep(0.2)
            answered = await asyncio.to_thread(driver.command, "status")
        shown = await asyncio.to_thread(driver.wait, driver.ephemerals, "answer")
        stop.set()
        await asyncio.wait_for(running, 300)
        driver.close()
    assert "No incident is open" in json.dumps(shown)


@pytest.mark.parametrize("payload", [{}, {"type": "block_actions", "user": None}, {"type": "hello"}])
async def test_over_socket_mode_too_what_slack_would_not_send_is_left_unanswered(
    door: Door, given: BotSettings, payload: dict[str, Any]
) -> None:
    connection = socket_mode.Connection(slack_app(given, door)[0], "xapp-local")
    with capture_logs() as logs:
        await connection.handle(connection.client, SocketModeRequest("interactive", "envelope", payload))
    await connection.close_async()  # type: ignore[no-untyped-call]
    assert [one["event"] for one in logs] == ["request_refused"]


def test_the_card_in_the_channel_is_the_card_of_the_state(
    door: Door, announcer: Announcer, person: Driver, links: Links
) -> None:
    from bot.messages.incident.card import card

    stream = submit(door, *WAY)
    settle(announcer)
    incident = door.incident(stream)
    assert incident is not None
    shown = [
        {key: value for key, value in block.items() if key != "block_id"}
        for block in heads(person)[0]["blocks"]
    ]
    # That it was posted is an event after what was posted: of no account, and not worth another call.
    was, drawn = (
        re.sub(rf"{stream}\|\d+\|", "", json.dumps(blocks, sort_keys=True))
        for blocks in (shown, card(incident, links.posted()))
    )
    assert was == drawn
