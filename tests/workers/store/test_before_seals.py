"""A database of the release before: what it holds stays as it is and holds, and what is added since is
sealed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, make_url

from domain.errors import Tampered
from domain.incident import commands as c
from domain.incident.obligations import open_obligations
from domain.values import Actor
from tests.workers.conftest import NOON, make_finding
from workers.embedded import Servers
from workers.log.handle import Answer, handle
from workers.store import cards
from workers.store.connection import driver_address, engine
from workers.store.integrity.verify import verify
from workers.store.log.checkpoint import CHECKPOINT, Checkpoint, Held, compare, make, read, spell
from workers.store.log.events import COLUMNS, number, read_stream
from workers.store.migrate import configuration, migrate
from workers.store.signature import sign

CARD = (
    "stream, number, status, severity, fingerprint, opened_at, owes, expires_at, version, incident, shape, "
    "unscored"
)
BEFORE = COLUMNS.removesuffix(", rules, seal")


@pytest.fixture
def empty_former(servers: Servers) -> Iterator[str]:
    """The address of a database in its former shape."""
    name = f"former_{uuid.uuid4().hex}"
    url = make_url(servers.database_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}")
        command.upgrade(configuration(url), "0006")
        yield url
        engine(url).dispose()
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def former(empty_former: str, log: Engine, opened: object) -> str:
    """The same, beside the store of the test."""
    return empty_former


@pytest.fixture
def moved(former: str, log: Engine, opened: object, pressed: object, owner: psycopg.Connection) -> Answer:
    """What was written there: as it is written now, without what is new."""
    answer: Answer = opened()  # type: ignore[operator]
    pressed(answer.stream, c.AddNote(text="first"), "n1")  # type: ignore[operator]
    pressed(answer.stream, c.AddNote(text="second"), "n2")  # type: ignore[operator]
    with psycopg.connect(driver_address(former), autocommit=True) as old:
        old.execute("SET recsysops.workspace = 'main'")
        for table, columns in (("events", BEFORE), ("cards", CARD)):
            for row in owner.execute(f"SELECT {columns} FROM {table} ORDER BY version"):
                places = ", ".join(["%s"] * len(row))
                old.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)
        old.execute("INSERT INTO pending (event_id) SELECT id FROM events")
        old.execute(
            "INSERT INTO pending (event_id) SELECT id FROM events WHERE version = 2"
        )  # by hand, once more
    return answer


def test_a_former_database_goes_on(former: str, moved: Answer, on_call: Actor) -> None:
    migrate(former)
    store = engine(former)
    with store.connect() as connection:
        card = cards.find(connection, 1)
        assert card is not None
        assert [obligation.kind for obligation in open_obligations(card)] == ["announce", "diagnose"]
        assert len(read_stream(connection, moved.stream)) == 3
    handle(moved.stream, c.AddNote(text="third"), actor=on_call, key="n3", log=store)
    verified = verify(store)
    assert (verified.events, verified.unsealed, verified.former) == (4, 3, 3)
    assert number(store) == 0


def test_what_is_added_without_a_seal_since_is_not_older_than_seals(former: str, moved: Answer) -> None:
    migrate(former)
    store = engine(former)
    number(store)
    with psycopg.connect(driver_address(former), autocommit=True) as old:
        old.execute("ALTER TABLE events DISABLE TRIGGER USER")
        old.execute(
            f"INSERT INTO events (workspace, {BEFORE}) SELECT workspace, "
            f"{BEFORE.replace(' version,', ' 4,').replace(' key,', ' gen_random_uuid()::text,')} "
            "FROM events WHERE version = 3"
        )
    with store.connect() as connection:
        assert len(read_stream(connection, moved.stream)) == 3
    with pytest.raises(Tampered, match=r"version 4 of .* carries no seal"):
        verify(store)


RAISE = "UPDATE before_seals SET last_id = (SELECT max(id) FROM events)"
LOWER = "UPDATE before_seals SET last_id = last_id - 1"
OPENED_AGAIN = ", seal = NULL"


@pytest.mark.parametrize("moved_by_hand", [RAISE, RAISE + OPENED_AGAIN, LOWER])
def test_a_border_that_its_owner_moved_counts_for_nothing_and_is_not_sealed_again(
    former: str, moved: Answer, on_call: Actor, moved_by_hand: str
) -> None:
    migrate(former)
    handle(moved.stream, c.AddNote(text="third"), actor=on_call, key="n3", log=engine(former))
    with psycopg.connect(driver_address(former), autocommit=True) as old:
        old.execute(moved_by_hand.encode())
    engine.cache_clear()
    migrate(former)
    store = engine(former)
    with store.connect() as connection:
        assert len(read_stream(connection, moved.stream)) == 1
    with pytest.raises(Tampered, match="before_seals, which says that nothing up to the event"):
        verify(store)


def test_the_border_of_another_store_of_the_same_installation_is_none_here(
    former: str, moved: Answer, other: Engine, detector: Actor
) -> None:
    for n, genre in enumerate(("Drama", "Comedy", "Horror")):
        opening = c.OpenIncident(number=0, finding=make_finding(genre))
        handle(None, opening, actor=detector, key=f"k{n}", at=NOON, log=other)
    migrate(former)
    with psycopg.connect(driver_address(former)) as old:
        (row,) = old.execute("SELECT workspace, last_id, seal FROM before_seals").fetchall()
    address = driver_address(other.url.render_as_string(hide_password=False))
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute("INSERT INTO before_seals VALUES (%s, %s, %s)", row)
    with pytest.raises(Tampered, match="before_seals"):
        verify(other)


def test_a_checkpoint_says_how_much_is_from_before_seals(
    former: str, moved: Answer, on_call: Actor, key: Ed25519PrivateKey
) -> None:
    migrate(former)
    store = engine(former)
    first = make(store, key)
    handle(moved.stream, c.AddNote(text="third"), actor=on_call, key="n3", log=store)
    second = make(store, key)
    assert (first.unsealed, second.unsealed) == (3, 3)
    assert compare(store, [Held("a", first), Held("b", second)]).checkpoints == 2
    content = second.model_dump(exclude={"unsealed", "public_key", "signature"})
    moved_since = Checkpoint.model_validate(sign(CHECKPOINT, {**content, "unsealed": 4}, key))
    with pytest.raises(Tampered, match=r"4 of its events are from before events were sealed.*now 3"):
        compare(store, [Held("c", moved_since)])


def test_a_checkpoint_from_before_it_said_so_still_vouches(
    log: Engine, opened: object, key: Ed25519PrivateKey
) -> None:
    opened()  # type: ignore[operator]
    made = make(log, key)
    assert made.unsealed == 0
    former = sign(CHECKPOINT, made.model_dump(exclude={"unsealed", "public_key", "signature"}), key)
    kept = read(former)
    assert compare(log, [Held("former", kept)]).checkpoints == 1
    assert b"unsealed" not in spell(kept)
