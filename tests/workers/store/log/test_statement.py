from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import Engine

from domain.incident.events import NoteAdded
from domain.values import Actor
from workers.environment import clock
from workers.store.connection import at_once
from workers.store.log.encoder import Head, Origin
from workers.store.log.events import answer, append
from workers.store.log.statement import Statement

Notes = Callable[[Engine, str], None]


@pytest.fixture
def note(on_call: Actor) -> Notes:
    """Writes a note to a stream of its own, under a key."""

    def write(log: Engine, key: str) -> None:
        with at_once(log) as connection:
            origin = Origin(actor=on_call, key=key, at=clock.now())
            append(connection, Head(f"notes-{key}"), [NoteAdded(text="looking")], origin)

    return write


def test_what_the_server_has_forgotten_is_prepared_again(log: Engine, note: Notes) -> None:
    note(log, "first")
    with at_once(log) as connection:
        connection.exec_driver_sql("DEALLOCATE ALL")
    note(log, "second")
    with at_once(log) as connection:
        assert [len(answer(connection, key)) for key in ("first", "second")] == [1, 1]


def test_what_was_prepared_after_all_was_forgotten_is_not_prepared_twice(log: Engine) -> None:
    first, second = (Statement(f"SELECT %(a)s::int + %(b)s::int + {n}") for n in range(2))
    with at_once(log) as connection:
        first.run(connection, {"a": 1, "b": 1})
        connection.exec_driver_sql("DEALLOCATE ALL")
        for one in (second, first, second):
            one.run(connection, {"a": 1, "b": 1})


def test_text_with_a_zero_byte_is_refused_and_not_cut(log: Engine, note: Notes) -> None:
    with pytest.raises(psycopg.DataError):
        note(log, "cut\0here")
    with at_once(log) as connection:
        assert answer(connection, "cut") == ()


def test_a_connection_that_is_gone_is_said_to_be_so(
    log: Engine, note: Notes, owner: psycopg.Connection
) -> None:
    note(log, "first")
    owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND datname = current_database()"
    )
    with pytest.raises(psycopg.OperationalError):
        note(log, "second")
    note(log, "third")


def test_in_a_transaction_that_is_taken_back_nothing_is_written(log: Engine, on_call: Actor) -> None:
    origin = Origin(actor=on_call, key="k", at=clock.now())
    with log.connect() as connection:
        append(connection, Head("s"), [NoteAdded(text="a")], origin)
        connection.rollback()
    with at_once(log) as connection:
        assert answer(connection, "k") == ()
        append(connection, Head("s"), [NoteAdded(text="a")], origin)
        assert len(answer(connection, "k")) == 1
