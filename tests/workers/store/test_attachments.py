"""A picture is named by its content: other bytes under its name are neither shown nor kept."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine

from domain.errors import LogError, Tampered
from workers.store import attachments
from workers.store.connection import driver_address, role_of
from workers.store.integrity.verify import verify

PICTURE = b"\x89PNG what was drawn"


@pytest.fixture
def program(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody who has taken over the program: its role, and any SQL they like."""
    options = f"-c role={role_of('main')}"
    with psycopg.connect(driver_address(database_url), autocommit=True, options=options) as connection:
        yield connection


def test_a_picture_that_the_store_does_not_take_is_said_in_words(
    log: Engine, full: psycopg.Connection
) -> None:
    with pytest.raises(LogError) as caught:
        attachments.keep(log, PICTURE)
    assert str(caught.value) == "the picture could not be kept: DiskFull (SQLSTATE 53100)"
    assert full.execute("SELECT count(*) FROM attachments").fetchone() == (0,)


@pytest.fixture
def digest(log: Engine, program: psycopg.Connection) -> str:
    """A picture whose bytes were replaced."""
    kept = attachments.keep(log, PICTURE)
    assert verify(log).events == 0
    program.execute("UPDATE attachments SET bytes = 'something else'")
    return kept


def test_verify_names_the_picture_whose_bytes_were_replaced(log: Engine, digest: str) -> None:
    attachments.keep(log, b"another one, as it was drawn")
    with pytest.raises(Tampered) as caught:
        verify(log)
    assert str(caught.value).startswith(f"The picture {digest} is not what was drawn")
    assert "\n" not in str(caught.value)


def test_a_picture_whose_bytes_were_replaced_is_not_shown_and_removed(log: Engine, digest: str) -> None:
    assert attachments.find(log, digest) is None
    assert verify(log).events == 0


def test_a_picture_that_is_drawn_again_replaces_what_was_put_under_its_name(log: Engine, digest: str) -> None:
    assert attachments.keep(log, PICTURE) == digest
    assert attachments.find(log, digest) == (PICTURE, "image/png")
