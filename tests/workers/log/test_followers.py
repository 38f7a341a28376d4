from __future__ import annotations

from collections.abc import Callable
from threading import Event as Signal
from threading import Thread
from typing import NoReturn

import psycopg
import pytest
from sqlalchemy import Connection, Engine

from domain.errors import Refused
from domain.incident.commands import AddNote
from domain.incident.events import Recorded
from tests.workers.conftest import NOON
from workers.log import follow as following
from workers.log.follow import catch_up, follow, stumble
from workers.log.handle import Answer
from workers.store import cards, followers
from workers.store.log.events import number
from workers.store.memory import recall, remember
from workers.store.seal import of_event, seal

Opened = Callable[..., Answer]


def note_down(connection: Connection, recorded: Recorded) -> None:
    remember(connection, "seen", [*(recall(connection, "seen") or []), recorded.position])


def seen(log: Engine) -> list[int]:
    with log.connect() as connection:
        return recall(connection, "seen") or []


def state(log: Engine, name: str = "f") -> followers.Following:
    number(log)
    with log.connect() as connection:
        (found,) = [one for one in followers.every(connection) if one.name == name]
    return found


def cannot_do_the_second(connection: Connection, recorded: Recorded) -> None:
    if recorded.position == 2:
        raise ValueError("no such slice")
    note_down(connection, recorded)


def run_until(log: Engine, effect: following.Effect, done: Callable[[], bool]) -> None:
    with log.begin() as connection:
        followers.register(connection, "f")
    stop = Signal()
    thread = Thread(target=follow, args=(log, "f", effect, stop))
    thread.start()
    waiting = Signal()
    try:
        for _ in range(200):
            if done():
                return
            waiting.wait(0.1)
        raise AssertionError("the follower did not come so far")
    finally:
        stop.set()
        thread.join(60)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LONGEST_PAUSE_SECONDS", 0.01)


@pytest.mark.usefixtures("hurried")
def test_an_event_that_cannot_be_done_is_set_aside_with_an_incident_and_the_others_are_done(
    log: Engine, opened: Opened
) -> None:
    for n in range(3):
        opened(f"Genre {n}", f"k{n}")
    # The fourth is the incident about the second.
    run_until(log, cannot_do_the_second, lambda: seen(log) == [1, 3, 4])
    (aside,) = state(log).aside
    assert (aside.position, aside.trouble) == (2, "ValueError")
    with log.connect() as connection:
        incident = cards.find(connection, aside.incident)
    assert incident is not None
    assert incident.title == "“f” had to leave out an event"
    assert "failed 5 times at event 2 (incident.opened of" in incident.description
    assert "recsysops followers replay f" in incident.description


@pytest.mark.usefixtures("hurried")
def test_what_was_set_aside_is_done_when_somebody_asks_after_the_cause_is_fixed(
    log: Engine, opened: Opened
) -> None:
    for n in range(3):
        opened(f"Genre {n}", f"k{n}")
    run_until(log, cannot_do_the_second, lambda: seen(log) == [1, 3, 4])
    with log.begin() as connection:
        assert followers.try_again(connection, "f") == 1
    assert catch_up(log, "f", note_down) == 1
    assert (seen(log), state(log).aside, state(log).position) == ([1, 3, 4, 2], (), 4)


@pytest.mark.usefixtures("hurried")
def test_what_still_cannot_be_done_stays_aside_and_holds_up_nothing(log: Engine, opened: Opened) -> None:
    for n in range(3):
        opened(f"Genre {n}", f"k{n}")
    run_until(log, cannot_do_the_second, lambda: seen(log) == [1, 3, 4])
    with log.begin() as connection:
        followers.try_again(connection, "f")
    opened("Another", "later")
    run_until(log, cannot_do_the_second, lambda: seen(log) == [1, 3, 4, 5])
    (aside,) = state(log).aside
    assert (aside.position, aside.again) == (2, False)


@pytest.mark.usefixtures("hurried")
def test_a_second_event_set_aside_is_a_note_on_the_incident_of_the_first(log: Engine, opened: Opened) -> None:
    def cannot_do_films(connection: Connection, recorded: Recorded) -> None:
        if recorded.key.startswith("film"):
            raise ValueError("no such slice")

    for n in range(2):
        opened(f"Genre {n}", f"film {n}")
    run_until(log, cannot_do_films, lambda: len(state(log).aside) == 2 and state(log).behind == 0)
    first, second = state(log).aside
    assert first.incident == second.incident
    with log.connect() as connection:
        assert len(cards.every(connection)) == 3


def test_a_follower_killed_between_reporting_and_setting_aside_reports_once(
    log: Engine, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()

    def killed(*given: object) -> NoReturn:
        raise SystemExit

    number(log)
    with log.begin() as connection:
        (event,) = followers.unseen(connection, "f", 10)
    for _ in range(followers.MOST_TRIES - 1):
        assert not stumble(log, "f", event, "ValueError: no")
    with monkeypatch.context() as patched:
        patched.setattr(followers, "set_aside", killed)
        with pytest.raises(SystemExit):
            stumble(log, "f", event, "ValueError: no")
    assert stumble(log, "f", event, "ValueError: no")
    with log.connect() as connection:
        assert [one.title for one in cards.every(connection)][:-1] == ["“f” had to leave out an event"]


def test_trouble_of_the_store_itself_is_never_blamed_on_an_event(log: Engine, opened: Opened) -> None:
    opened()

    with log.begin() as connection:
        followers.register(connection, "f")

    def away(connection: Connection, recorded: Recorded) -> None:
        connection.exec_driver_sql("SELECT 1 / 0")

    stop = Signal()
    thread = Thread(target=follow, args=(log, "f", away, stop))
    thread.start()
    stop.wait(1.5)
    stop.set()
    thread.join(60)
    assert (state(log).failures, state(log).aside, state(log).behind) == (0, (), 1)


def test_an_event_of_a_later_release_is_waited_for_and_said(
    log: Engine, owner: psycopg.Connection, opened: Opened
) -> None:
    opened()
    columns = (9, "w", "worker", NOON, None, "k", 0, 1, "s", 1, "moon.landed")
    owner.execute(
        "WITH e AS (INSERT INTO events (workspace, stream, version, wire_name, schema_version, data,"
        " actor_kind, actor, at, key, part, hash, rules, seal) VALUES ('main', 's', 1, 'moon.landed', 1,"
        " '{}', 'worker', 'w', %s, 'k', 0, '', 9, %s) RETURNING id)"
        " INSERT INTO pending SELECT 'main', id FROM e",
        [NOON, seal(of_event(b"", columns, "{}"))],
    )
    run_until(log, note_down, lambda: state(log).trouble is not None)
    now = state(log)
    assert (now.position, now.aside) == (1, ())
    assert "moon.landed version 1, which this release cannot read" in str(now.trouble)


def test_a_paused_follower_stands_still_and_loses_nothing(log: Engine, opened: Opened) -> None:
    opened("Drama", "a")
    assert catch_up(log, "f", note_down) == 1
    with log.begin() as connection:
        followers.pause(connection, "f", True)
    opened("Comedy", "b")
    assert catch_up(log, "f", note_down) == 0
    now = state(log)
    assert (now.paused, now.behind) == (True, 1)
    assert now.lag.total_seconds() > 0
    with log.begin() as connection:
        followers.pause(connection, "f", False)
    assert catch_up(log, "f", note_down) == 1
    assert seen(log) == [1, 2]


def test_a_follower_told_to_begin_again_is_not_overruled_by_what_was_under_way(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    stream = opened().stream
    for n in range(4):
        pressed(stream, AddNote(text="hm"), f"n{n}")
    number(log)
    with log.begin() as connection:
        under_way = followers.unseen(connection, "f", 10)
    with log.begin() as connection:
        followers.done(connection, "f", under_way[0].position)
        followers.replay_from(connection, "f", 0)
        followers.done(connection, "f", under_way[1].position)
    assert state(log).position == 0


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda c: followers.pause(c, "nobody", True), "no follower “nobody”; there are: f"),
        (lambda c: followers.replay_from(c, "f", 9), "goes from 0 to 1; 9 is not in it"),
        (lambda c: followers.try_again(c, "nobody"), "no follower “nobody”"),
    ],
)
def test_what_is_not_there_is_refused_in_words(
    log: Engine, opened: Opened, ask: Callable[[Connection], object], says: str
) -> None:
    opened()
    catch_up(log, "f", note_down)
    with log.begin() as connection, pytest.raises(Refused, match=says):
        ask(connection)
