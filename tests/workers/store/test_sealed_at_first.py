from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import Engine

from domain.incident.commands import AddNote
from workers.log.handle import Answer
from workers.store.integrity.verify import verify
from workers.store.log.chain import canonical
from workers.store.log.events import number, read_after, read_stream
from workers.store.seal import of_event_at_first, seal

Sealed = Callable[[], None]


@pytest.fixture
def sealed_at_first(owner: psycopg.Connection) -> Sealed:
    """Gives each event the seal that it would have had in the first form."""

    def again() -> None:
        with owner.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute("SELECT * FROM events").fetchall()
            cursor.execute("ALTER TABLE events DISABLE TRIGGER USER")
            for row in rows:
                made = seal(of_event_at_first(row["hash"], row["rules"], canonical(row)))
                cursor.execute("UPDATE events SET seal = %s WHERE id = %s", [made, row["id"]])
            cursor.execute("ALTER TABLE events ENABLE TRIGGER USER")

    return again


def test_a_log_that_was_sealed_in_the_first_form_is_read_as_before(
    log: Engine, opened: Callable[..., Answer], pressed: Callable[..., Answer], sealed_at_first: Sealed
) -> None:
    stream = opened().stream
    pressed(stream, AddNote(text="hm"), "n")
    number(log)
    with log.connect() as connection:
        before = read_stream(connection, stream), read_after(connection, 0)
    sealed_at_first()
    with log.connect() as connection:
        assert (read_stream(connection, stream), read_after(connection, 0)) == before
    assert verify(log).events == len(before[1])
    assert pressed(stream, AddNote(text="more"), "m").events


def test_a_first_seal_fits_no_other_content(
    log: Engine,
    owner: psycopg.Connection,
    opened: Callable[..., Answer],
    pressed: Callable[..., Answer],
    sealed_at_first: Sealed,
) -> None:
    stream = opened().stream
    pressed(stream, AddNote(text="hm"), "n")
    sealed_at_first()
    owner.execute("ALTER TABLE events DISABLE TRIGGER USER")
    owner.execute('UPDATE events SET data = \'{"text": "never"}\' WHERE version = 2')
    with log.connect() as connection:
        assert [event.version for event in read_stream(connection, stream)] == [1]
