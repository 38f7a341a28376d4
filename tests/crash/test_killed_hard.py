"""
Everything killed hard, again and again, while incidents are walked from the alarm to the end.

CRASH_WALKS says how many incidents (20 for the whole proof), CRASH_SEED which moments.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from bot.messages.evidence import NOTABLE
from bot.workspace import Workspace, WorkspaceSettings
from domain.incident.commands import OpenIncident
from domain.incident.events import Recorded
from domain.values import Actor
from tests.bot.conftest import SECRET as SIGNING_SECRET
from tests.bot.conftest import free_port
from tests.bot.workspace.driver import Driver
from tests.crash.killer import VICTIMS, Killer
from tests.crash.recommender import DECLARED, SECRET, SECRET_ENV, SmallRecommender, finding, listening
from tests.crash.walk import Walker
from workers.handle import handle
from workers.store.events import read_stream
from workers.store.verify import verify

WALKS = int(os.environ.get("CRASH_WALKS", "4"))
SEED = int(os.environ.get("CRASH_SEED", "2"))
KILLS = 20
SPREAD_KILLS = 10
"""As many kills it takes until the last incident is opened, so that the others meet every step."""

LONGEST_SECONDS = 300.0
DETECTOR = Actor(kind="worker", id="worker:detect")
WAY = (
    "incident.opened",
    "diagnosis.gathered",
    "menu.prepared",
    "hotfix.chosen",
    "hotfix.approved",
    "hotfix.applied",
    "hotfix.verified",
    "incident.resolved",
    "follow_up.proposed",
    "follow_up.answered",
    "incident.closed",
)
"""How every incident goes, however often anything died."""

BESIDE = {"incident.acknowledged", "message.posted"}
"""Once each as well; whether before or after the menu is chance."""


@pytest.fixture
def genres() -> list[str]:
    return [f"Genre {number:02}" for number in range(1, WALKS + 1)]


@pytest.fixture
def small(tmp_path: Path, genres: list[str]) -> SmallRecommender:
    return SmallRecommender(tmp_path, genres, datetime.now(UTC))


@pytest.fixture
def url(small: SmallRecommender) -> Iterator[str]:
    with listening(small) as address:
        yield address


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def room(port: int) -> Iterator[Workspace]:
    settings = WorkspaceSettings(port=0, request_url=f"http://127.0.0.1:{port}/slack/events")
    with Workspace(settings) as running:
        yield running


@pytest.fixture
def killer(
    database_url: str, redis_url: str, tmp_path: Path, root: Path, url: str, port: int, room: Workspace
) -> Iterator[Killer]:
    (tmp_path / "recsysops.toml").write_text(DECLARED.replace("{url}", url))
    broker = make_url(redis_url).set(database=str(random.randint(1, 15)))
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": broker.render_as_string(hide_password=False),
        "RECSYSOPS_CONFIG": str(tmp_path / "recsysops.toml"),
        "SLACK_BOT_TOKEN": room.settings.bot_token,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_BASE_URL": room.api_url,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
        SECRET_ENV: SECRET,
    }
    environment.pop("SLACK_APP_TOKEN", None)
    with Killer(root, environment, tmp_path / "processes.log", SEED, KILLS) as running:
        yield running


@pytest.fixture
def walker(room: Workspace) -> Iterator[Walker]:
    person = Driver(room.url)
    yield Walker(person)
    person.close()


def opened(log: Engine, genre: str) -> str:
    found = finding(genre, datetime.now(UTC))
    return handle(None, OpenIncident(number=0, finding=found), actor=DETECTOR, key=genre, log=log).stream


def names(log: Engine, stream: str) -> list[str]:
    with log.connect() as connection:
        return [recorded.event.wire_name for recorded in read_stream(connection, stream)]


def walk(
    log: Engine, genres: list[str], small: SmallRecommender, killer: Killer, walker: Walker
) -> dict[str, str]:
    """Every incident to its end while things die; genre → stream. Begun one by one, as they are walked."""
    streams: dict[str, str] = {}
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        for genre in genres[len(streams) : 2 + killer.count * WALKS // SPREAD_KILLS]:
            streams[genre] = opened(log, genre)
            small.genres[streams[genre]] = genre
        walker.look_and_press()
        if killer.count >= KILLS and all_told_closed(walker, genres):
            killer.stop_killing()
            return streams
        time.sleep(0.2)
    told = {stream: names(log, stream) for stream in streams.values()}
    raise AssertionError(f"not all closed within {LONGEST_SECONDS:.0f} s: {told}")


def all_told_closed(walker: Walker, genres: list[str]) -> bool:
    """True where the messages in the channel say so: what the log says is not enough."""
    return sum("closed" in message["text"] for _, message in walker.heads()) >= len(genres)


def test_everything_killed_at_random_moments_every_incident_ends_the_same_and_nothing_is_done_twice(
    log: Engine, genres: list[str], small: SmallRecommender, killer: Killer, walker: Walker
) -> None:
    streams = walk(log, genres, small, killer, walker)
    print(f"{killer.killed=} {walker.lost=} deliveries={small.delivered.total()}")  # noqa: T201 - for whoever asks

    assert killer.count >= KILLS
    assert set(killer.killed) == set(VICTIMS)
    for stream in streams.values():
        went = Counter(names(log, stream))
        assert [name for name in names(log, stream) if name in WAY] == list(WAY)
        assert {name: went[name] for name in BESIDE} == dict.fromkeys(BESIDE, 1)
        assert set(went) <= {*WAY, *BESIDE, "hotfix.watched"}

    # Counted where it arrives: in the channel, and at the recommender.
    heads = walker.heads()
    assert Counter(stream for stream, _ in heads) == dict.fromkeys(streams.values(), 1)
    assert small.mended == dict.fromkeys(genres, 1)
    assert not small.broken
    assert len(small.delivered) == len(genres)  # one key a fix, however often it was delivered
    for stream, head in heads:
        assert walker.thread(head) == Counter(told_in_thread(log, stream))
    assert verify(log).streams == len(genres)


def told_in_thread(log: Engine, stream: str) -> list[str]:
    """The ids of the events of which the thread has to tell, once each."""
    with log.connect() as connection:
        return [event.id for event in read_stream(connection, stream) if in_thread(event)]


def in_thread(event: Recorded) -> bool:
    return event.event.wire_name in NOTABLE or event.event.wire_name == "diagnosis.gathered"
