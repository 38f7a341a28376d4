"""Whatever the web process is asked, it imports no science: a press has to be answered at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from bot.pages.links import Links
from bot.settings import BotSettings
from bot.slack.announce import Announcer
from tests.bot.conftest import DECLARED, SECRET, settle
from tests.bot.slack.test_announce import heads, submit
from tests.bot.stories import WAY
from tests.bot.workspace.driver import Driver
from workers.door import Door

SCIENCE = (
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "shap",
    "matplotlib",
    "ibis",
    "duckdb",
    "pyarrow",
    "sqlglot",
)
READY_SECONDS = 60.0


@pytest.fixture
def imported(
    given: BotSettings, door: Door, database_url: str, redis_url: str, root: Path, tmp_path: Path
) -> Iterator[Path]:
    """The web process, as the Procfile starts it; the file in which Python notes each import."""
    noted = tmp_path / "imports"
    (tmp_path / "recsysops.toml").write_text(DECLARED)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RECSYSOPS_CONFIG": str(tmp_path / "recsysops.toml"),
        "RECSYSOPS_VAR": str(tmp_path / "var"),
        "PORT": str(given.port),
        "PUBLIC_URL": given.public_url,
        "SLACK_BOT_TOKEN": given.bot_token,
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_APP_TOKEN": "",
        "SLACK_BASE_URL": given.slack_base_url,
    }
    with noted.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "bot.slack.app"], cwd=root, env=environment, stderr=out
        )
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and not _answers(given.public_url):
            time.sleep(0.1)
        yield noted
        process.kill()
        process.wait(60)


def _at_least(person: Driver, count: int) -> bool:
    return len(person.ephemerals()) >= count


def _answers(web: str) -> bool:
    try:
        return httpx.get(f"{web}/health", trust_env=False, timeout=60).is_success
    except httpx.TransportError:
        return False


def test_after_every_command_page_and_press_no_science_was_imported(
    imported: Path, door: Door, announcer: Announcer, person: Driver, links: Links
) -> None:
    submit(door, *WAY[:3])
    settle(announcer)
    commands = (
        "help",
        "status",
        "incident 1",
        "why 1",
        "report 1",
        "audit",
        "scorecard",
        "misses",
        "misses device=tv",
        "item x",
    )
    for count, text in enumerate(commands, 1):
        person.command(text)
        person.wait(partial(_at_least, person, count), text)
    person.open_home()
    person.wait(lambda: person.state()["homes"].get("U-oncall"), "Home")
    for action in ("report", "look_again", "resolve", "acknowledge"):
        person.press(action, message=heads(person)[0])
    for path in (
        "/",
        "/audit",
        "/scorecard",
        "/reports/1",
        "/reports/1.md",
        "/pictures/x.png",
        "/?status=open",
    ):
        address = links.to("terminal:tests")(path)
        assert address is not None
        assert httpx.get(address, trust_env=False, timeout=30).status_code in (200, 404)
    names = {line.rpartition("|")[2].strip() for line in imported.read_text().splitlines()}
    assert "bot.slack.listeners" in names
    assert [one for one in names if one.partition(".")[0] in SCIENCE] == []
