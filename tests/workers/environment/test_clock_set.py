"""Wall clocks of our processes set ten hours forward and back, while work is owed and a hotfix acts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.times import durations
from domain.values import Actor, Diagnosis
from tests.workers.conftest import make_option
from tests.workers.process.test_processes import CLOCK, DECLARATION, FOLLOWER, WORKER, kill, wait_for
from workers.environment import clock
from workers.log.handle import Answer, handle
from workers.store import cards
from workers.store.connection import present
from workers.store.integrity.verify import verify
from workers.store.log.events import read_stream

TEN_HOURS = timedelta(hours=10)
PATIENCE_SECONDS = 120.0
NEAR = timedelta(minutes=5)
"""Far less than ten hours, far more than any machine takes for a step."""

Set = Callable[[timedelta], None]


@pytest.fixture
def set_clocks(
    request: pytest.FixtureRequest, database_url: str, redis_url: str, tmp_path: Path, root: Path
) -> Iterator[Set]:
    """Worker, follower and clock as processes; calling it sets all of their wall clocks."""
    (tmp_path / "impressions.csv").write_text("at,genre\n2026-03-03T12:00:00Z,Drama\n")
    (tmp_path / "recsysops.toml").write_text(DECLARATION.replace('"1d"', f'"{request.param}"'))
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "BROKER_QUEUE": f"processes-{uuid.uuid4().hex}",
        "RECSYSOPS_CONFIG": str(tmp_path / "recsysops.toml"),
        "RECSYSOPS_VAR": str(tmp_path),
    }
    ahead = tmp_path / "ahead"
    command = [sys.executable, "-m", "tests.crash.shifted", str(ahead)]
    running = [
        subprocess.Popen([*command, *module], cwd=root, env=environment, start_new_session=True)
        for module in (FOLLOWER, WORKER, CLOCK)
    ]

    def set_to(by: timedelta) -> None:
        fresh = ahead.with_suffix(".new")
        fresh.write_text(str(by.total_seconds()))
        fresh.replace(ahead)

    yield set_to
    for process in running:
        kill(process)


def approved(log: Engine, opened: Callable[..., Answer], person: Actor, expires_after: timedelta) -> str:
    stream = opened().stream
    option = make_option(expires_after=expires_after, watch=timedelta(minutes=5))
    for command in (
        c.RecordDiagnosis(diagnosis=Diagnosis(cause="unset")),
        c.PrepareMenu(options=(option,)),
        c.ChooseHotfix(option="fill", menu=digest_of((option,))),
    ):
        handle(stream, command, actor=person, key=type(command).__name__, log=log)
    return stream


def assert_in_order(log: Engine, stream: str) -> None:
    with log.connect() as connection:
        events, incident = read_stream(connection, stream), cards.find(connection, stream)
    times = [event.at for event in events]
    assert times == sorted(times)
    assert abs(times[-1] - datetime.now(UTC)) < NEAR
    names = [event.event.wire_name for event in events]
    assert all(names.count(f"hotfix.{step}") <= 1 for step in ("applied", "expired", "reverted"))
    assert incident is not None
    assert all(took is None or took >= timedelta(0) for took in dict(durations(incident)).values())
    assert verify(log).streams == 1


@pytest.mark.parametrize("set_clocks", ["5h"], indirect=True)
def test_ahead_by_ten_hours_what_is_owed_is_done_once_and_nothing_expires_before_its_time(
    log: Engine, opened: Callable[..., Answer], on_call: Actor, set_clocks: Set
) -> None:
    set_clocks(TEN_HOURS)
    stream = approved(log, opened, on_call, expires_after=timedelta(hours=5))
    incident = wait_for(log, stream, "applied", PATIENCE_SECONDS)
    assert incident.hotfix is not None
    assert incident.hotfix.applied_at is not None
    assert abs(incident.hotfix.applied_at - datetime.now(UTC)) < NEAR
    set_clocks(timedelta(0))
    handle(stream, c.RevertHotfix(option="fill"), actor=on_call, key="revert", log=log)
    wait_for(log, stream, "reverted", PATIENCE_SECONDS)
    assert_in_order(log, stream)


@pytest.mark.parametrize("set_clocks", ["20s"], indirect=True)
def test_set_back_by_ten_hours_no_hotfix_stays_longer_than_it_may(
    log: Engine, opened: Callable[..., Answer], on_call: Actor, set_clocks: Set
) -> None:
    stream = approved(log, opened, on_call, expires_after=timedelta(seconds=20))
    wait_for(log, stream, "applied", PATIENCE_SECONDS)
    set_clocks(-TEN_HOURS)
    wait_for(log, stream, "expired", PATIENCE_SECONDS)
    assert_in_order(log, stream)


def test_what_time_it_is_is_the_database_s_whatever_the_wall_clock_says(log: Engine) -> None:
    before = present(log)
    with time_machine.travel(datetime.now(UTC) + TEN_HOURS, tick=True):
        assert abs(present(log) - before) < NEAR
        time.sleep(0)
        assert abs(clock.now() - before) < NEAR


def test_an_answer_is_never_before_what_it_answers(
    log: Engine, opened: Callable[..., Answer], on_call: Actor
) -> None:
    stream = opened().stream
    later = present(log) + TEN_HOURS
    handle(stream, c.AddNote(text="ahead"), actor=on_call, key="ahead", at=later, log=log)
    (recorded,) = handle(stream, c.Acknowledge(), actor=on_call, key="back", log=log).events
    assert recorded.at == later
