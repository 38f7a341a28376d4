"""Two recommenders in one database: nothing of the one is seen or changed by the other."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.events import Recorded
from domain.values import Actor, Severity
from tests.workers.conftest import make_finding
from workers.door import Door
from workers.follow import catch_up
from workers.handle import Answer, handle
from workers.settings import Settings
from workers.store import attachments, cards, followers, memory
from workers.store.connection import engine
from workers.store.draft import Head, Origin
from workers.store.events import answer, append, number, read_after, read_stream
from workers.store.export import export
from workers.store.lock import alone
from workers.store.verify import verify

REQUESTS = 100
PERSON = Actor(kind="person", id="terminal:on-call", groups=("oncall",))
WORKER = Actor(kind="worker", id="worker:detect")


@pytest.fixture
def shop(database_url: str) -> Engine:
    """The store of one team."""
    return engine(database_url, "shop")


@pytest.fixture
def cinema(database_url: str) -> Engine:
    """The store of another, in the same database."""
    return engine(database_url, "cinema")


@pytest.fixture
def theirs(cinema: Engine) -> list[Answer]:
    """Eight incidents of the cinema, with a picture and something remembered."""
    opened = []
    for n in range(8):
        command = c.OpenIncident(number=0, finding=make_finding(f"Genre {n}"))
        opened.append(handle(None, command, actor=WORKER, key=f"open-{n}", log=cinema))
    with cinema.begin() as connection:
        memory.remember(connection, "watermark", "secret")
    return opened


def snapshot(log: Engine) -> tuple[list[bytes], str]:
    return list(export(log)), verify(log).head


def test_a_hundred_requests_across_the_border_are_not_answered(
    shop: Engine, cinema: Engine, theirs: list[Answer], database_url: str
) -> None:
    door = Door(Settings(database_url=database_url, workspace="shop"))
    picture = attachments.keep(cinema, b"a picture of the cinema's incident")
    before = snapshot(cinema)
    dice = random.Random(20)
    commands: list[Any] = [
        c.Acknowledge(),
        c.AddNote(text="hello"),
        c.ChangeSeverity(severity=Severity.SEV1, reason="because"),
        c.ClearFinding(observed=1.0, expected=1.0, window_end=make_finding().window_end),
    ]

    def refused(ask: Callable[[], object]) -> bool:
        try:
            ask()
        except Refused as refusal:
            return "There is no incident" in str(refusal)
        return False

    asked: list[Callable[[Answer], bool]] = [
        lambda one: door.incident(one.stream) is None,
        lambda one: door.incident(one.number) is None,
        lambda one: door.incident(f"#{one.number}") is None,
        lambda one: door.events(one.stream) == [],
        lambda one: door.events(one.number) == [],
        lambda one: door.picture(picture) is None,
        lambda one: door.incidents() == [],
        lambda one: refused(
            lambda: door.submit(one.stream, dice.choice(commands), PERSON, f"k{dice.random()}")
        ),
        lambda one: refused(
            lambda: door.submit(one.number, dice.choice(commands), PERSON, f"k{dice.random()}")
        ),
        lambda one: refused(
            lambda: door.submit(one.stream, dice.choice(commands), PERSON, f"open-{dice.randrange(8)}")
        ),
        lambda one: door.unseen("announce") == [],
        lambda one: [f.behind for f in door.followers()] in ([], [0]),
        lambda one: nothing_in(shop, one),
    ]
    for _ in range(REQUESTS):
        assert dice.choice(asked)(dice.choice(theirs))
    assert snapshot(cinema) == before


def nothing_in(log: Engine, one: Answer) -> bool:
    number(log)
    fingerprint = make_finding("Genre 0").fingerprint
    with log.connect() as connection:
        return not any(
            (
                read_stream(connection, one.stream),
                read_after(connection, 0),
                answer(connection, "open-0"),
                cards.find(connection, one.stream),
                cards.unclosed(connection, fingerprint),
                cards.newest(connection, fingerprint),
                cards.times_seen(connection, fingerprint),
                memory.recall(connection, "watermark"),
                list(export(log)),
            )
        )


def test_the_same_finding_key_and_number_live_in_both(
    shop: Engine, cinema: Engine, theirs: list[Answer]
) -> None:
    command = c.OpenIncident(number=0, finding=make_finding("Genre 0"))
    ours = handle(None, command, actor=WORKER, key="open-0", log=shop)
    assert (ours.number, ours.repeated) == (1, False)
    assert (verify(shop).events, verify(cinema).events) == (1, 8)


def test_each_has_followers_positions_and_locks_of_its_own(
    shop: Engine, cinema: Engine, theirs: list[Answer]
) -> None:
    seen: list[Recorded] = []
    assert catch_up(cinema, "debts", lambda _, event: seen.append(event)) == 8
    assert catch_up(shop, "debts", lambda _, event: seen.append(event)) == 0
    with shop.connect() as connection:
        assert [one.position for one in followers.every(connection)] == [0]
    with alone(cinema, "tick:detect") as first, alone(shop, "tick:detect") as second:
        assert (first, second) == (True, True)


def test_nothing_can_be_written_into_another_workspace(
    shop: Engine, cinema: Engine, theirs: list[Answer]
) -> None:
    with shop.begin() as connection, pytest.raises(DBAPIError, match="row-level security"):
        connection.execute(
            text(
                "INSERT INTO followers (workspace, name, position, moved_at) "
                "VALUES ('cinema', 'debts', 7, now())"
            )
        )
    with shop.begin() as connection:
        origin = Origin(actor=PERSON, key="k", at=make_finding().window_end)
        append(connection, Head(theirs[0].stream), [theirs[0].events[0].event], origin)
    assert verify(cinema).events == 8


def test_every_table_that_names_a_workspace_is_guarded(owner: psycopg.Connection) -> None:
    guarded = owner.execute(
        """SELECT relname, relrowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid)
           FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
    ).fetchall()
    assert {name for name, safe in guarded if not safe} == {"alembic_version"}
