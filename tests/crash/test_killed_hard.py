"""
Everything killed hard, again and again, while incidents are walked from the alarm to the end: each of the
project's processes, PostgreSQL, the broker; at random moments, and between an effect and its record. After
each kill the wall clocks of all processes are set, ten hours forward and back.

CRASH_WALKS says how many incidents, CRASH_KILLS how many kills at random moments over each broker,
CRASH_PAUSE how many seconds there are at most between two, CRASH_SEED which moments. Where TEST_AMQP_URL
names a RabbitMQ all of it happens over that as well; with CRASH_RABBITMQ over one that is started here from
the system's `rabbitmq-server`, and killed itself.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from bot.messages.incident.evidence import NOTABLE
from bot.workspace import Workspace, WorkspaceSettings
from domain.diagnosis.bundle.manifest import not_as_kept
from domain.diagnosis.bundle.manifest import opened as opened_manifest
from domain.incident.commands import OpenIncident
from domain.incident.events import BundleKept, EvidenceFound, Recorded
from domain.values import Actor
from tests.bot.conftest import SECRET as SIGNING_SECRET
from tests.bot.conftest import held_port
from tests.bot.workspace.driver import Driver
from tests.brokers import BROKERS
from tests.crash.aims import PLACES, Aims, watch_posts, watched_store
from tests.crash.clicks import Clicks
from tests.crash.killer import Killer
from tests.crash.recommender import DECLARED, SECRET, SECRET_ENV, SmallRecommender, finding, listening
from tests.crash.servers import OWN_RABBIT, Servers, own_servers
from tests.crash.walk import Walker
from workers.bundle.objects import Objects
from workers.log.handle import handle
from workers.log.open_obligations import OpenObligation, every
from workers.store.connection import engine
from workers.store.integrity.verify import verify
from workers.store.log.events import read_stream

WALKS = int(os.environ.get("CRASH_WALKS", "3"))
KILLS = int(os.environ.get("CRASH_KILLS", "7"))
PAUSE_SECONDS = float(os.environ.get("CRASH_PAUSE", "1.7"))
SEED = int(os.environ.get("CRASH_SEED", "2"))
RABBIT = bool(os.environ.get("CRASH_RABBITMQ"))
AIMED = 1
"""Shots at each place: enough that every walk of the test has some, few enough that it comes to an end."""

FIRST = 2
"""Incidents that are open from the beginning; the others are opened as the kills go on."""

LONGEST_SECONDS = 300.0 + (5.0 + PAUSE_SECONDS) * KILLS
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

BESIDE = {"incident.acknowledged", "message.posted", "follow_up.assigned"}
"""Once each as well; whether before or after the menu is chance."""

PERHAPS = {"hotfix.watched", "hotfix.cost_measured", "bundle.kept", "evidence.found", "picture.drawn"}
"""
What others paid is measured after the verdict. What was read is kept after the diagnosis is recorded: who
dies meanwhile leaves no bundle. Evidence comes in pieces, each recorded once for its stage, before the
diagnosis. The metric is drawn again once, by the time that all is closed or later.
"""


@pytest.fixture
def genres() -> list[str]:
    return [f"Genre {number:02}" for number in range(1, WALKS + 1)]


@pytest.fixture
def small(tmp_path: Path, genres: list[str]) -> SmallRecommender:
    return SmallRecommender(tmp_path, genres, datetime.now(UTC), LONGEST_SECONDS)


@pytest.fixture
def aims() -> Aims:
    return Aims(AIMED)


@pytest.fixture
def url(small: SmallRecommender, aims: Aims) -> Iterator[str]:
    def done() -> bool:
        return aims.fire("repaired")

    def answered() -> None:
        aims.fire_soon("answered")

    with listening(small, done, answered) as address:
        yield address


@pytest.fixture
def port() -> Iterator[int]:
    with held_port() as held:
        yield held


@pytest.fixture
def clicks(monkeypatch: pytest.MonkeyPatch) -> Clicks:
    noted = Clicks()
    noted.watch(monkeypatch)
    return noted


@pytest.fixture
def room(port: int, aims: Aims, clicks: Clicks, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    watch_posts(aims, monkeypatch)
    settings = WorkspaceSettings(port=0, request_url=f"http://127.0.0.1:{port}/slack/events")
    with Workspace(settings) as running:
        yield running


@pytest.fixture(params=(*BROKERS, *((OWN_RABBIT,) if RABBIT else ())))
def servers(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Servers]:
    with own_servers(servers_folder, request.param) as own:
        yield own


@pytest.fixture
def log(servers: Servers) -> Iterator[Engine]:
    store = engine(servers.database_url)
    yield store
    store.dispose()


@pytest.fixture
def killer(
    servers: Servers, aims: Aims, tmp_path: Path, root: Path, url: str, port: int, room: Workspace
) -> Iterator[Killer]:
    (tmp_path / "recsysops.toml").write_text(DECLARED.replace("{url}", url))
    environment = {
        **os.environ,
        **servers.environment,
        "RECSYSOPS_CONFIG": str(tmp_path / "recsysops.toml"),
        "RECSYSOPS_VAR": str(tmp_path / "var"),
        "SLACK_BOT_TOKEN": room.settings.bot_token,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_BASE_URL": room.api_url,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
        SECRET_ENV: SECRET,
    }
    environment.pop("SLACK_APP_TOKEN", None)
    command = (root, environment, tmp_path / "processes.log")
    mortal = {"database": servers.kill_database, "broker": servers.kill_broker}
    with (
        watched_store(aims, servers.owner_url),
        Killer(command, mortal, SEED, KILLS, PAUSE_SECONDS) as running,
    ):
        aims.load(running)
        yield running


@pytest.fixture
def walker(room: Workspace) -> Iterator[Walker]:
    person = Driver(room.url)
    yield Walker(person)
    person.close()


def opened(log: Engine, genre: str) -> str | None:
    """The incident's stream; None where the database is away, and is asked again as the next tick would."""
    found = finding(genre, datetime.now(UTC))
    try:
        return handle(None, OpenIncident(number=0, finding=found), actor=DETECTOR, key=genre, log=log).stream
    except (OperationalError, psycopg.OperationalError):
        return None


def events_of(log: Engine, stream: str) -> tuple[Recorded, ...]:
    with log.connect() as connection:
        return read_stream(connection, stream)


def still_owed(log: Engine) -> list[OpenObligation]:
    with log.connect() as connection:
        return every(connection, datetime.now(UTC))


def names(log: Engine, stream: str) -> list[str]:
    return [recorded.event.wire_name for recorded in events_of(log, stream)]


def walk(
    log: Engine, genres: list[str], small: SmallRecommender, killer: Killer, walker: Walker
) -> dict[str, str]:
    """Every incident to its end while things die; genre → stream. Begun one by one, as they are walked."""
    streams: dict[str, str] = {}
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until and killer.trouble is None:
        # The last one is opened when most kills are done, so that all along there is something to kill for.
        for genre in genres[len(streams) : FIRST + killer.count * WALKS * 5 // (4 * KILLS)]:
            small.fail(genre)
            if stream := opened(log, genre):
                streams[genre] = stream
                small.genres[stream] = genre
        walker.look_and_press()
        if killer.done and all_shown_closed(walker, genres) and threads_are_whole(log, walker):
            killer.stop_killing()
            return streams
        time.sleep(0.4)
    logged = {stream: names(log, stream) for stream in streams.values()}
    owes = [one.model_dump(mode="json") for one in still_owed(log)]
    raise AssertionError(
        f"not all closed within {LONGEST_SECONDS:.0f} s: {logged}; owed: {owes}; {killer.stacks()}"
    ) from killer.trouble


def all_shown_closed(walker: Walker, genres: list[str]) -> bool:
    """True where the messages in the channel say so: what the log says is not enough."""
    return sum("closed" in message["text"] for _, message in walker.heads()) >= len(genres)


def threads_are_whole(log: Engine, walker: Walker) -> bool:
    """A card says what is so before its thread says what happened: a channel takes a message a second."""
    return all(
        walker.thread(head).total() >= len(expected_in_thread(log, stream)) for stream, head in walker.heads()
    )


def test_everything_killed_hard_every_incident_ends_the_same_and_nothing_is_lost_or_done_twice(
    log: Engine,
    genres: list[str],
    small: SmallRecommender,
    killer: Killer,
    aims: Aims,
    walker: Walker,
    clicks: Clicks,
) -> None:
    streams = walk(log, genres, small, killer, walker)
    print(  # noqa: T201 - for whoever asks
        f"at random {sum(killer.killed.values())}: {dict(killer.killed)}; aimed {dict(aims.shots)}; presses "
        f"accepted {len(clicks.accepted)}, lost {walker.lost}; deliveries {small.delivered.total()}"
    )

    assert killer.count >= KILLS
    assert killer.clocks_set >= KILLS
    assert set(killer.killed) == set(killer.victims)
    assert aims.shots == dict.fromkeys(PLACES, AIMED)
    events = {stream: events_of(log, stream) for stream in streams.values()}
    for history in events.values():
        went = [recorded.event.wire_name for recorded in history]
        assert [name for name in went if name in WAY] == list(WAY)
        assert {name: went.count(name) for name in BESIDE} == dict.fromkeys(BESIDE, 1)
        assert set(went) <= {*WAY, *BESIDE, *PERHAPS}
        assert went.count("bundle.kept") <= 1
        assert went.count("picture.drawn") <= 1
        assert went.count("hotfix.cost_measured") <= 1
        stages = [one.event.piece.stage for one in history if isinstance(one.event, EvidenceFound)]
        assert len(stages) == len(set(stages)) > 0
    kept = Objects(small.folder / "var" / "bundles" / "main")
    assert all(is_whole(kept, one) for every in events.values() for one in every)
    assert clicks.lost(events) == []
    aims.leave()
    assert verify(log).streams == len(genres)

    # Counted where it arrives: in the channel, and at the recommender.
    heads = walker.heads()
    assert Counter(stream for stream, _ in heads) == dict.fromkeys(streams.values(), 1)
    assert small.repaired == dict.fromkeys(genres, 1)
    assert not small.broken
    assert len(small.delivered) == len(genres)  # one key a fix, however often it was delivered
    for stream, head in heads:
        assert walker.thread(head) == Counter(expected_in_thread(log, stream))


def is_whole(kept: Objects, recorded: Recorded) -> bool:
    """Of a bundle that the log names, whether each of its files is what was kept."""
    if not isinstance(recorded.event, BundleKept):
        return True
    manifest = opened_manifest(kept.read(recorded.event.root) or b"", recorded.event.root)
    return not not_as_kept(manifest, {file.name: kept.found(file.sha256) for file in manifest.files})


def expected_in_thread(log: Engine, stream: str) -> list[str]:
    """The ids of the events that the thread has to report, once each."""
    return [event.id for event in events_of(log, stream) if in_thread(event)]


def in_thread(event: Recorded) -> bool:
    return event.event.wire_name in NOTABLE or event.event.wire_name == "diagnosis.gathered"
