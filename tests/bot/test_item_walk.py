"""Somebody asks in the chat, a worker process of its own looks at real tables, and the answer is shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pandas as pd
import pytest

from bot.workspace import Workspace
from tests.bot.workspace.driver import Driver
from tests.workers.shop import DECLARED, END, HELD_DOWN, write_shop
from workers.declaration.declare import load
from workers.door import Door
from workers.environment.settings import Settings
from workers.items.misses import keep_misses, kept_misses

WORKER = ("celery", "-A", "workers.process.app", "worker", "--concurrency", "1", "--loglevel", "ERROR")
ANSWERED_SECONDS = 60.0
TIMES = {"shown": "at", "chosen": "at", "candidates": "at", "items": "launch_at"}


def bring_to_now(folder: Path) -> None:
    """The shop as if it had been open until a minute ago: whoever asks in the chat asks about now."""
    late = datetime.now(UTC).replace(second=0, microsecond=0) - END - timedelta(minutes=1)
    for table, column in TIMES.items():
        rows = pd.read_parquet(folder / f"{table}.parquet")
        rows.assign(**{column: rows[column] + late}).to_parquet(folder / f"{table}.parquet", index=False)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_shop(tmp_path)
    bring_to_now(tmp_path)
    (tmp_path / "recsysops.toml").write_text(DECLARED + '[permissions]\nrespond = ["oncall"]\n')
    return tmp_path


@pytest.fixture
def settings(database_url: str, redis_url: str, shop: Path) -> Settings:
    """A queue of this test's own."""
    declared = shop / "recsysops.toml"
    return Settings(
        database_url=database_url,
        broker_url=redis_url,
        broker_queue=f"walk-{shop.name}",
        config=declared,
        var=shop / "var",
    )


@pytest.fixture
def door(settings: Settings) -> Door:
    return Door(settings)


@pytest.fixture
def worker(settings: Settings, root: Path) -> Iterator[None]:
    """`celery … worker`, as the Procfile starts it."""
    environment = {
        **os.environ,
        "RECSYSOPS_VAR": str(settings.var),
        "DATABASE_URL": settings.database(),
        "BROKER_URL": settings.broker(),
        "BROKER_QUEUE": settings.broker_queue,
        "RECSYSOPS_CONFIG": str(settings.config),
    }
    command = [sys.executable, "-m", *WORKER]
    process = subprocess.Popen(command, cwd=root, env=environment, start_new_session=True)
    yield
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)


@pytest.mark.usefixtures("worker", "web")
def test_an_item_asked_for_in_the_chat_is_looked_at_by_a_worker_and_shown_with_its_picture(
    person: Driver, room: Workspace
) -> None:
    person.command(f"item {HELD_DOWN}")
    shown = person.wait(lambda: person.ephemerals()[1:], "answer of the worker", ANSWERED_SECONDS)[0]
    assert f"Thing {HELD_DOWN} is shown" in shown["text"]
    assert "less than its engagement warrants since" in shown["text"]
    assert "randomly filled traffic" in str(shown["blocks"])
    (file,) = (block["slack_file"]["id"] for block in shown["blocks"] if block["type"] == "image")
    assert httpx.get(f"{room.url}/files/{file}", trust_env=False).content.startswith(b"\x89PNG")


@pytest.mark.usefixtures("worker", "web")
def test_an_item_that_no_table_has_is_said_so_with_the_nearest(person: Driver) -> None:
    person.command("item Thing i70")
    said = person.wait(lambda: person.ephemerals()[1:], "answer of the worker", ANSWERED_SECONDS)[0]["text"]
    assert said.startswith("There is no item Thing i70. Did you mean")


@pytest.mark.usefixtures("web", "worker")
def test_choices_that_the_model_had_ranked_low_are_kept_by_the_looks_and_listed_in_the_chat(
    person: Driver, door: Door, shop: Path
) -> None:
    person.command("misses")
    assert "No low-ranked choices" in str(
        person.wait(lambda: person.ephemerals()[1:], "answer", ANSWERED_SECONDS)[0]
    )
    now = datetime.now(UTC)
    assert keep_misses(door.log, load(shop, {}), now) == 0 or kept_misses(door.log)
    keep_misses(door.log, load(shop, {}), now + timedelta(hours=1))
    person.command("misses device=tv")
    listed = str(person.wait(lambda: person.ephemerals()[3:], "list", ANSWERED_SECONDS)[0]["blocks"])
    assert "*Thing i" in listed
    assert "first was" in listed
    assert "device = tv" in listed
    assert "device = web" not in listed
    person.command("misses tv")
    assert "is not a slice" in person.wait(lambda: person.ephemerals()[4:], "refusal")[0]["text"]
