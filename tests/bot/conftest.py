"""The bot as it runs: a workspace, the web process's application and the announcer, on a real store."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from bot.border.server import server
from bot.directory import Directory
from bot.pages.links import Links, links_of
from bot.settings import BotSettings
from bot.slack.announce import Announcer
from bot.slack.app import create_app
from bot.slack.chat import Chat
from bot.slack.living import Living
from bot.workspace import Workspace, WorkspaceSettings
from tests.bot.terminal import Terminal
from tests.bot.workspace.driver import Driver
from workers.door import Door
from workers.environment.settings import Settings

Look = Callable[[str], httpx.Response]

SECRET = "local-signing-secret"
DECLARED = """
[recommender]
name = "cinema"
[tables.impressions]
path = "impressions/*.parquet"
time = "shown_at"
window = "1m"
[tables.prelaunch]
path = "prelaunch/*.parquet"
time = "snapshot_at"
window = "1m"
[stakeholders.content]
channel = "#content"
tables = ["prelaunch"]
[permissions]
respond = ["oncall", "ml"]
deploy = ["oncall", "ml"]
approve = ["ml", "leads"]
break_glass = ["U-oncall"]
"""


@pytest.fixture
def door(database_url: str, redis_url: str, tmp_path: Path) -> Door:
    declared = tmp_path / "recsysops.toml"
    declared.write_text(DECLARED)
    var = tmp_path / "var"
    key = Path(os.environ["RECSYSOPS_SIGNING_KEY"])
    return Door(
        Settings(database_url=database_url, broker_url=redis_url, config=declared, var=var, signing_key=key)
    )


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database_url: str,
    redis_url: str,
    tmp_path: Path,
) -> Terminal:
    """`recsysops` on the store of this test; what it declares is `recsysops.toml` in the test's folder."""
    around = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RECSYSOPS_CONFIG": str(tmp_path / "recsysops.toml"),
        "RECSYSOPS_VAR": str(tmp_path / "var"),
    }
    return Terminal(monkeypatch, capsys, around)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@contextmanager
def held_port() -> Iterator[int]:
    """A port that nobody else is given meanwhile; a server of one's own may still listen on it, and again."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@pytest.fixture
def port() -> Iterator[int]:
    with held_port() as held:
        yield held


@pytest.fixture
def room(port: int) -> Iterator[Workspace]:
    """A workspace that delivers over HTTP to the bot of this test."""
    settings = WorkspaceSettings(port=0, request_url=f"http://127.0.0.1:{port}/slack/events")
    with Workspace(settings) as running:
        yield running


@pytest.fixture
def given(room: Workspace, port: int) -> BotSettings:
    return BotSettings(
        bot_token="xoxb-local",
        signing_secret=SECRET,
        app_token="xapp-local",
        slack_base_url=room.api_url,
        public_url=f"http://127.0.0.1:{port}",
        host="127.0.0.1",
        port=port,
    )


@pytest.fixture
def elsewhere(given: BotSettings, door: Door, database_url: str) -> dict[str, str]:
    """The environment of an announcer in a process of its own."""
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "SLACK_BOT_TOKEN": given.bot_token,
        "SLACK_BASE_URL": given.slack_base_url,
        "RECSYSOPS_CONFIG": str(door._settings.config),
    }


@pytest.fixture
def web(given: BotSettings, door: Door) -> Iterator[str]:
    """The web process's application, served in a thread; its address."""
    with served(create_app(given, door), given.port):
        yield given.public_url


@contextmanager
def served(app: ASGIApp, port: int) -> Iterator[None]:
    """An application behind the web process's own server, in a thread."""
    running = server(app, "127.0.0.1", port)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not running.started and time.monotonic() < until:
        time.sleep(0.02)
    yield
    running.should_exit = True
    thread.join(60)


@pytest.fixture
def links(given: BotSettings, door: Door) -> Links:
    return links_of(door, given.public_url, given.login)


@pytest.fixture
def look(web: str, links: Links) -> Look:
    """Opens a page as somebody does who got a link to it in a terminal."""

    def opened(path: str) -> httpx.Response:
        address = links.to("terminal:tests")(path)
        assert address is not None
        return httpx.get(address, trust_env=False, timeout=60)

    return opened


@pytest.fixture
def person(room: Workspace) -> Iterator[Driver]:
    driver = Driver(room.url)
    yield driver
    driver.close()


@pytest.fixture
def announcer(given: BotSettings, door: Door) -> Announcer:
    return fresh_announcer(given, door)


def fresh_announcer(given: BotSettings, door: Door) -> Announcer:
    """An announcer that remembers nothing, as after a restart."""
    chat = Chat(given.bot_token, given.slack_base_url)
    links = links_of(door, given.public_url, given.login)
    directory = Directory(given.bot_token, given.slack_base_url)
    return Announcer(door, chat, Living(door, chat, links.posted(), directory))


def settle(announcer: Announcer, seconds: float = 60.0) -> None:
    """Rounds until nothing is left to do."""
    until = time.monotonic() + seconds
    while announcer.round():
        if time.monotonic() > until:
            raise TimeoutError(f"the announcer is not done after {seconds} s")
        time.sleep(0.05)
