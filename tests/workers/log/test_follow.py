from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event as Signal
from threading import Thread

import psycopg
import pytest
from sqlalchemy import Connection, Engine

from domain.incident.events import Recorded
from workers.log.follow import AppendListener, Poisoned, catch_up, follow
from workers.log.handle import Answer
from workers.store import followers
from workers.store.memory import recall, remember

Opened = Callable[..., Answer]


def note_down(connection: Connection, recorded: Recorded) -> None:
    seen = recall(connection, "seen") or []
    remember(connection, "seen", [*seen, recorded.position])


def seen(log: Engine) -> list[int]:
    with log.connect() as connection:
        return recall(connection, "seen") or []


def test_effect_and_position_are_saved_together_or_not_at_all(log: Engine, opened: Opened) -> None:
    opened("Drama", "a"), opened("Comedy", "b")

    def fail_at_the_second(connection: Connection, recorded: Recorded) -> None:
        note_down(connection, recorded)
        if recorded.position == 2:
            raise RuntimeError("the effect failed")

    with pytest.raises(Poisoned, match="RuntimeError"):
        catch_up(log, "f", fail_at_the_second)
    assert seen(log) == []
    assert catch_up(log, "f", note_down) == 2
    assert catch_up(log, "f", note_down) == 0
    assert seen(log) == [1, 2]


def test_an_event_that_the_store_failed_at_is_not_done(log: Engine, opened: Opened) -> None:
    opened()

    def cut_off(_connection: Connection, _recorded: Recorded) -> None:
        raise psycopg.OperationalError("the connection was cut")

    with pytest.raises(psycopg.OperationalError):
        catch_up(log, "f", cut_off)
    assert catch_up(log, "f", note_down) == 1
    assert seen(log) == [1]


def test_two_processes_of_one_follower_do_each_event_once(log: Engine, opened: Opened) -> None:
    for n in range(20):
        opened(f"Genre {n}", f"k{n}")
    threads = [
        Thread(target=lambda: [catch_up(log, "f", note_down, limit=3) for _ in range(8)]) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert seen(log) == list(range(1, 21))


def test_a_running_follower_is_woken_by_an_append_and_survives_a_failing_effect(
    log: Engine, opened: Opened
) -> None:
    stop, done, calls = Signal(), Signal(), []

    def fails_once(connection: Connection, recorded: Recorded) -> None:
        calls.append(recorded.position)
        if len(calls) == 1:
            raise RuntimeError("once")
        note_down(connection, recorded)
        if recorded.position == 2:
            done.set()

    thread = Thread(target=follow, args=(log, "f", fails_once, stop))
    thread.start()
    try:
        opened("Drama", "a"), opened("Comedy", "b")
        assert done.wait(300)
    finally:
        stop.set()
        thread.join(60)
    assert seen(log) == [1, 2]
    with log.begin() as connection:
        assert followers.hold(connection, "f") == 2


def test_a_follower_outlives_the_loss_of_its_connections(
    log: Engine, owner: psycopg.Connection, opened: Opened
) -> None:
    stop, done = Signal(), Signal()

    def effect(connection: Connection, recorded: Recorded) -> None:
        note_down(connection, recorded)
        if recorded.position == 2:
            done.set()

    thread = Thread(target=follow, args=(log, "f", effect, stop))
    thread.start()
    try:
        opened("Drama", "a")
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        opened("Comedy", "b")
        assert done.wait(300)
    finally:
        stop.set()
        thread.join(60)
    assert seen(log) == [1, 2]


def test_whoever_heard_a_call_looks_once_more_soon_for_what_was_not_called_out(
    log: Engine, opened: Opened
) -> None:
    appends, began = AppendListener(log), time.monotonic()
    assert appends.wait(60)  # it listens from now on
    assert not appends.wait(60)
    opened("Drama", "a")
    assert appends.wait(60)
    assert not appends.wait(60)
    assert time.monotonic() - began < 60
    appends.close()
