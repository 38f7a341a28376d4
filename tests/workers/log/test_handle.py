from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta, timezone
from threading import Barrier
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

from domain.errors import LogError, Refused, VersionConflict
from domain.incident.commands import (
    Acknowledge,
    AddNote,
    AnswerFollowUp,
    Close,
    DeclareIncident,
    Dismiss,
    OpenIncident,
    Reopen,
    Resolve,
)
from domain.incident.decide import decide
from domain.incident.events import FindingRepeated, IncidentOpened, IncidentResolved, NoteAdded
from domain.values import Actor, Finding, Improvement, Severity
from tests.workers.remade import remade
from workers.environment import clock
from workers.log.handle import Answer, handle
from workers.store import cards
from workers.store import connection as connection_module
from workers.store.connection import at_once, cursor
from workers.store.head import append as append_with_card
from workers.store.head import guess
from workers.store.log.encoder import Origin
from workers.store.log.events import append, head_of, number, read_after, read_stream
from workers.store.log.statement import together

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]
DECLARED = DeclareIncident(number=0, title="Shelves are empty", severity=Severity.SEV1)


def test_a_finding_opens_an_incident_and_its_card_equals_its_events_replayed(
    log: Engine, opened: Opened
) -> None:
    answer = opened()
    with log.connect() as connection:
        card = cards.find(connection, answer.stream)
        assert card == remade(read_stream(connection, answer.stream))
        assert card == cards.find(connection, "#1")
    assert answer.number == 1
    assert isinstance(answer.events[0].event, IncidentOpened)


def test_the_same_finding_later_updates_the_open_incident(opened: Opened) -> None:
    first, again, other = opened(), opened(key="later", minutes=5), opened("Comedy", key="other")
    assert again.stream == first.stream
    assert isinstance(again.events[0].event, FindingRepeated)
    assert (first.number, other.number) == (1, 2)


def test_eight_at_once_open_one_incident(log: Engine, opened: Opened) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: opened(key=f"try-{n}", minutes=n), range(8)))
    assert len({answer.stream for answer in answers}) == 1
    number(log)
    with log.connect() as connection:
        events = read_after(connection, 0)
        assert [isinstance(record.event, IncidentOpened) for record in events].count(True) == 1
        assert cards.find(connection, "1") == remade(events)


def test_one_is_opened_though_the_server_has_forgotten_what_was_prepared(log: Engine, opened: Opened) -> None:
    opened()
    with at_once(log) as connection:
        connection.exec_driver_sql("DEALLOCATE ALL")
    assert opened("Comedy", key="other").number == 2


def test_eight_different_ones_at_once_get_eight_numbers_without_a_gap(opened: Opened) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: opened(f"Genre {n}", key=f"g{n}"), range(8)))
    assert sorted(answer.number for answer in answers) == list(range(1, 9))


def test_asking_twice_with_a_key_changes_nothing_and_answers_the_same(
    opened: Opened, pressed: Pressed
) -> None:
    stream = opened().stream
    first = pressed(stream, AddNote(text="looking"), "press-1")
    second = pressed(stream, AddNote(text="looking, twice delivered"), "press-1")
    assert second.repeated
    assert second.events == first.events


def test_a_key_sent_eight_times_at_once_writes_once(log: Engine, opened: Opened, pressed: Pressed) -> None:
    stream = opened().stream
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: pressed(stream, AddNote(text="once"), "same"), range(8)))
    assert len({answer.events for answer in answers}) == 1
    with log.connect() as connection:
        assert [r.version for r in read_stream(connection, stream)] == [1, 2]


def test_eight_notes_at_once_are_all_written_in_one_order(
    log: Engine, opened: Opened, pressed: Pressed
) -> None:
    stream = opened().stream
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: pressed(stream, AddNote(text=f"note {n}"), f"n{n}"), range(8)))
    with log.connect() as connection:
        events = read_stream(connection, stream)
        assert [r.version for r in events] == list(range(1, 10))
        assert [r.position for r in events] == sorted(r.position for r in events)
        assert cards.find(connection, stream) == remade(events)


def test_two_people_press_at_once_and_both_are_known(log: Engine, opened: Opened) -> None:
    stream = opened().stream
    people = [Actor(kind="person", id=f"slack:U{n}") for n in range(2)]

    def acknowledge(person: Actor) -> Answer:
        return handle(stream, Acknowledge(), actor=person, key=person.id, log=log)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(acknowledge, people))
    names = [record.event.wire_name for answer in answers for record in answer.events]
    assert sorted(names) == ["incident.acknowledged", "incident.assigned"]


def test_nobody_can_speak_of_an_incident_that_is_not_there(pressed: Pressed) -> None:
    with pytest.raises(Refused, match="There is no incident incident-none"):
        pressed("incident-none", AddNote(text="hello"), "k")


def test_a_refusal_writes_nothing(log: Engine, opened: Opened, pressed: Pressed) -> None:
    stream = opened().stream
    with pytest.raises(Refused):
        pressed(stream, Resolve(reason="  "), "k")
    with log.connect() as connection:
        assert len(read_stream(connection, stream)) == 1


def test_declaring_twice_with_a_key_opens_one_incident(log: Engine, on_call: Actor) -> None:
    answers = [handle(None, DECLARED, actor=on_call, key="modal-7", log=log) for _ in range(2)]
    assert answers[0].stream == answers[1].stream
    assert [answer.repeated for answer in answers] == [False, True]


def test_a_handler_that_always_loses_gives_up_in_words(
    log: Engine, opened: Opened, pressed: Pressed, on_call: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = opened().stream
    pressed(stream, AddNote(text="seen"), "s")

    def outrun(*asked: Any) -> object:
        origin = Origin(actor=on_call, key=f"other-{len(tries)}", at=clock.now())
        with log.begin() as connection:
            append(connection, head_of(connection, stream), [NoteAdded(text="first")], origin)
        tries.append(1)
        return decide(*asked)

    tries: list[int] = []
    monkeypatch.setattr("workers.log.handle.decide", outrun)
    monkeypatch.setattr("workers.log.handle.ATTEMPTS", 3)
    with pytest.raises(VersionConflict, match="Somebody else appended first"):
        handle(stream, AddNote(text="late"), actor=on_call, key="late", log=log)
    assert len(tries) == 1 + 3, "once from memory, then as often as it may ask"


def test_an_infinite_number_is_refused_before_it_poisons_the_log(
    log: Engine, finding: Callable[..., Finding], detector: Actor
) -> None:
    command = OpenIncident(number=0, finding=finding(observed=float("inf")))
    with pytest.raises(LogError, match=r"incident\.opened"):
        handle(None, command, actor=detector, key="inf", log=log)
    with log.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM events")).scalar_one() == 0


def test_times_come_back_as_they_went_in(
    log: Engine, finding: Callable[..., Finding], detector: Actor
) -> None:
    command = OpenIncident(number=0, finding=finding())
    at = command.finding.window_end + timedelta(microseconds=1)
    answer = handle(None, command, actor=detector, key="t", at=at, log=log)
    with log.connect() as connection:
        assert read_stream(connection, answer.stream) == answer.events
    assert answer.events[0].at == at


HANG_UP = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def test_a_connection_that_was_lost_a_moment_ago_costs_nobody_a_press(
    owner: psycopg.Connection, log: Engine, opened: Opened, pressed: Pressed
) -> None:
    stream = opened().stream
    owner.execute(HANG_UP)
    assert pressed(stream, AddNote(text="hm"), "n").repeated is False
    with log.connect() as connection:
        assert len(read_stream(connection, stream)) == 2


def test_a_connection_that_was_lost_while_it_rested_is_noticed_by_whoever_reads(
    owner: psycopg.Connection, log: Engine, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = opened().stream
    monkeypatch.setattr(connection_module, "RESTED_SECONDS", 0.0)
    owner.execute(HANG_UP)
    with log.connect() as connection:
        assert len(read_stream(connection, stream)) == 1


def test_an_incident_that_another_process_moved_on_is_not_taken_from_memory(
    log: Engine, opened: Opened, pressed: Pressed, on_call: Actor
) -> None:
    stream = opened().stream
    pressed(stream, AddNote(text="seen"), "s")
    origin = Origin(actor=on_call, key="elsewhere", at=clock.now())
    with log.begin() as connection:
        append(connection, head_of(connection, stream), [NoteAdded(text="from elsewhere")], origin)
    pressed(stream, AddNote(text="here"), "n")
    with log.connect() as connection:
        assert cards.find(connection, stream) == remade(read_stream(connection, stream))


def test_what_memory_would_refuse_is_asked_of_the_log(
    log: Engine, opened: Opened, pressed: Pressed, on_call: Actor
) -> None:
    stream = opened().stream
    pressed(stream, AddNote(text="seen"), "s")
    origin = Origin(actor=on_call, key="elsewhere", at=clock.now())
    with log.begin() as connection:
        append(
            connection,
            head_of(connection, stream),
            [IncidentResolved(how="elsewhere", reason="switched off")],
            origin,
        )
    reopened = pressed(stream, Reopen(reason="it is back"), "r")
    assert [recorded.version for recorded in reopened.events] == [4]


def test_a_key_that_another_process_answered_is_answered_alike_from_memory(
    log: Engine, opened: Opened, pressed: Pressed, on_call: Actor
) -> None:
    stream = opened().stream
    pressed(stream, AddNote(text="seen"), "s")
    origin = Origin(actor=on_call, key="k", at=clock.now())
    with log.begin() as connection:
        append(connection, head_of(connection, stream), [NoteAdded(text="elsewhere")], origin)
    again = handle(stream, AddNote(text="here"), actor=on_call, key="k", log=log)
    assert again.repeated
    assert [recorded.event for recorded in again.events] == [NoteAdded(text="elsewhere")]


def test_where_an_incident_stands_is_guessed_only_while_it_is_open_and_was_written_to_lately(
    log: Engine, opened: Opened, pressed: Pressed, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = opened().stream
    assert _guessed(log, stream)
    pressed(stream, AddNote(text="here"), "n")
    with monkeypatch.context() as long_ago:
        long_ago.setattr("workers.store.head.GUESS_SECONDS", 0.0)
        assert not _guessed(log, stream)
    learned = Improvement(detect_faster="no", diagnose_faster="no", change="nothing", detail="a test")
    for command in (Dismiss(reason="a test"), AnswerFollowUp(improvement=learned), Close()):
        assert _guessed(log, stream)
        pressed(stream, command, type(command).__name__)
    assert not _guessed(log, stream)


def test_where_an_opening_is_taken_back_nothing_is_guessed_of_it(
    log: Engine, on_call: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = list[str]()

    def lost(*given: Any) -> None:
        written.append(append_with_card(*given)[0].stream)
        raise RuntimeError("between the statement and its commit")

    with monkeypatch.context() as before_the_commit, pytest.raises(RuntimeError):
        before_the_commit.setattr("workers.log.handle.head.append", lost)
        handle(None, DECLARED, actor=on_call, key="d", log=log)
    assert not _guessed(log, written[0])
    assert handle(None, DECLARED, actor=on_call, key="d", log=log).stream == written[0]
    with log.connect() as connection:
        assert [recorded.version for recorded in read_stream(connection, written[0])] == [1]


def test_a_transaction_in_which_a_statement_failed_does_not_pass_for_committed(log: Engine) -> None:
    taken_back = pytest.raises(psycopg.OperationalError, match="taken back")
    fails = pytest.raises(psycopg.errors.DivisionByZero)
    with at_once(log) as connection, taken_back, together(connection, "SELECT 1"), fails:
        cursor(connection).execute("SELECT 1 / 0")


def test_nothing_is_guessed_through_a_connection_to_what_may_be_another_server(
    log: Engine, opened: Opened, pressed: Pressed, owner: psycopg.Connection
) -> None:
    stream = opened().stream
    pressed(stream, AddNote(text="here"), "n")
    owner.execute(HANG_UP)
    log.dispose()
    assert not _guessed(log, stream)


def test_what_was_just_written_is_returned_in_utc_as_it_is_read(
    log: Engine, opened: Opened, on_call: Actor
) -> None:
    stream = opened().stream
    at = clock.now().astimezone(timezone(timedelta(hours=2)))
    (written,) = handle(stream, AddNote(text="seen"), actor=on_call, key="n", at=at, log=log).events
    assert written.at == at
    assert written.at.tzinfo is UTC
    with log.connect() as connection:
        assert read_stream(connection, stream)[-1] == written


def test_threads_that_write_at_once_each_have_a_connection_of_their_own(log: Engine, opened: Opened) -> None:
    opened()
    meet = Barrier(4)

    def use(_: int) -> list[int]:
        used = []
        for _ in range(50):
            with at_once(log) as connection:
                used.append(cursor(connection).connection.info.backend_pid)
                meet.wait(timeout=600)  # all four are in use
        return used

    with ThreadPoolExecutor(4) as pool:
        at_each_meeting = zip(*pool.map(use, range(4)), strict=True)
        assert all(len(set(pids)) == 4 for pids in at_each_meeting)


def _guessed(log: Engine, stream: str) -> bool:
    with at_once(log) as connection:
        return guess(connection, stream) is not None
