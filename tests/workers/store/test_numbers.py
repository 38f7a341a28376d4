"""An incident's number comes from what was sealed: no card that somebody else wrote moves it or keeps one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident import events as e
from tests.workers.store.test_forged import APPEND, forged
from workers.log.handle import Answer
from workers.store import cards
from workers.store.connection import driver_address, role_of
from workers.store.exports.archive import archive
from workers.store.integrity.repair import Repairs
from workers.store.integrity.verify import verify
from workers.store.log.encoder import Head
from workers.store.log.events import number
from workers.store.retention import drop

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]

COLUMNS = (
    "status, severity, fingerprint, opened_at, owes, version, incident, shape, unscored, due_at, "
    "obligations, seal"
)
HIGHEST = 2**31 - 1
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def copied(number: int, stream: str = "made-up") -> str:
    """A card that no event made, with everything else of a real one, its seal included."""
    there = f"'{stream}', {number}, {COLUMNS}"
    return f"INSERT INTO cards (stream, number, {COLUMNS}) SELECT {there} FROM cards LIMIT 1"


@pytest.fixture
def program(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody who has taken over the program: its role, and any SQL they like, but not its signing key."""
    options = f"-c role={role_of('main')}"
    with psycopg.connect(driver_address(database_url), autocommit=True, options=options) as connection:
        yield connection


@pytest.fixture
def stream(opened: Opened) -> str:
    """The incident number 1."""
    return opened().stream


@pytest.mark.parametrize(
    "statement",
    [
        copied(HIGHEST),
        copied(2),
        "; ".join(copied(n, f"made-up-{n}") for n in range(2, 60)),
        copied(HIGHEST).replace("seal FROM", "NULL FROM"),
        copied(2).replace("seal FROM", "'forged' FROM"),
        f"UPDATE cards SET number = {HIGHEST}",
        "UPDATE cards SET number = 2",
        "DELETE FROM cards",
        "DELETE FROM cards; " + copied(1).replace("FROM cards LIMIT 1", "FROM kept"),
    ],
)
def test_the_next_incident_gets_the_next_number_whatever_cards_somebody_wrote(
    log: Engine, stream: str, opened: Opened, program: psycopg.Connection, statement: str
) -> None:
    program.execute("CREATE TEMP TABLE kept AS SELECT * FROM cards")
    program.execute(statement)
    assert opened("Comedy", key="comedy").number == 2
    number(log)
    Repairs(log).go_on()
    with log.connect() as connection:
        assert [one.number for one in cards.page(connection)] == [2, 1]
        assert cards.times_seen(connection, "made-up") == 0
    assert verify(log).cards == 2


def test_forged_cards_are_shown_by_no_reader_and_gone_with_the_next_repair(
    log: Engine, stream: str, program: psycopg.Connection
) -> None:
    for n in range(60):
        program.execute(copied(HIGHEST - n, f"made-up-{n}"))
    number(log)
    with log.connect() as connection:
        assert [one.stream for one in cards.every(connection)] == [stream]
        assert cards.find(connection, HIGHEST) is None
        assert cards.find(connection, "made-up-0") is None
    Repairs(log).go_on()
    assert program.execute("SELECT stream FROM cards").fetchall() == [(stream,)]
    with log.connect() as connection:
        assert [one.stream for one in cards.page(connection)] == [stream]


def test_a_stolen_number_keeps_nobody_from_acting_on_the_incident_that_has_it(
    log: Engine, stream: str, pressed: Pressed, program: psycopg.Connection
) -> None:
    program.execute(f"UPDATE cards SET stream = 'made-up' WHERE stream = '{stream}'")
    pressed(stream, c.Acknowledge(), "a")
    with log.connect() as connection:
        (card,) = cards.every(connection)
    assert (card.stream, card.status) == (stream, "acknowledged")
    assert program.execute("SELECT stream FROM cards").fetchall() == [(stream,)]


def test_a_forged_opening_moves_no_number(
    log: Engine, stream: str, opened: Opened, program: psycopg.Connection
) -> None:
    opening = e.IncidentOpened(number=HIGHEST, title="x", kind="declared", severity="SEV4", fingerprint="f")
    for n in range(50):
        program.execute(APPEND, forged(Head(f"made-up-{n}"), opening))
    assert opened("Comedy", key="comedy").number == 2


@pytest.mark.parametrize("number", [0, -1])
def test_no_card_has_a_number_below_one(stream: str, program: psycopg.Connection, number: int) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        program.execute(copied(number))


@pytest.mark.parametrize("taken", ["DELETE FROM cards", "UPDATE cards SET fingerprint = 'another'"])
def test_the_same_finding_is_a_new_incident_although_the_closed_ones_card_was_taken(
    log: Engine, closed: Callable[..., str], opened: Opened, program: psycopg.Connection, taken: str
) -> None:
    former = closed("Drama")
    program.execute(taken)
    answered = opened("Drama", key="again")
    assert (answered.number, answered.stream != former) == (2, True)
    assert isinstance(answered.events[0].event, e.IncidentOpened)


def test_numbers_go_on_after_every_incident_was_archived(
    log: Engine,
    closed: Callable[..., str],
    opened: Opened,
    tables_owner: Engine,
    key: Ed25519PrivateKey,
    program: psycopg.Connection,
    tmp_path: Path,
) -> None:
    closed("Drama")
    archived = closed("Comedy")
    archive(log, tmp_path)
    assert drop(log, tables_owner, tmp_path, MAY, key).streams == 2
    program.execute(f"UPDATE cards SET number = {HIGHEST} WHERE stream = '{archived}'")
    program.execute(copied(HIGHEST - 1))
    assert opened("Drama", key="again").number == 3
    assert verify(log).cards == 3
