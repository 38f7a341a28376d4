"""What the jobs remember decides what is looked at, and when: only what this installation wrote counts."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine

from domain.errors import Tampered
from workers.store.connection import driver_address, role_of
from workers.store.integrity.verify import verify
from workers.store.memory import recall, recall_beginning, remember, take

FORGED = "INSERT INTO memory (name, value, kept_at) VALUES ('checks:plays', '{\"looked_at\": 9}', now())"


@pytest.fixture
def program(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody who has taken over the program: its role, and any SQL they like, but not its signing key."""
    options = f"-c role={role_of('main')}"
    with psycopg.connect(driver_address(database_url), autocommit=True, options=options) as connection:
        yield connection


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM memory; " + FORGED,
        "UPDATE memory SET value = '{}' WHERE name = 'checks:plays'",
        "UPDATE memory SET value = (value::jsonb -> 'said')::text WHERE name = 'checks:plays'",
        "UPDATE memory SET value = replace(value, '1', '2') WHERE name = 'checks:plays'",
        "UPDATE memory SET value = other.value FROM memory AS other WHERE other.name = 'other'",
    ],
)
def test_what_somebody_else_remembered_is_not_recalled_and_named(
    log: Engine, program: psycopg.Connection, edit: str
) -> None:
    with log.begin() as connection:
        remember(connection, "checks:plays", {"looked_at": 1})
        remember(connection, "other", {"looked_at": 5})
    assert verify(log).events == 0
    program.execute(edit.encode())
    with log.begin() as connection:
        assert recall(connection, "checks:plays") is None
        assert recall_beginning(connection, "checks:") == {}
    with pytest.raises(Tampered, match="remembered as “checks:plays”"):
        verify(log)
    with log.begin() as connection:
        assert take(connection, "checks:plays") is None
        remember(connection, "checks:plays", {"looked_at": 3})
        assert recall(connection, "checks:plays") == {"looked_at": 3}
