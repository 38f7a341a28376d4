"""Two recommenders in one database: neither sees or changes anything of the other's."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.events import Recorded
from domain.values import Actor, Severity
from tests.workers.conftest import make_finding
from workers.door import Door
from workers.environment.settings import Settings
from workers.log.follow import catch_up
from workers.log.handle import Answer, handle
from workers.store import attachments, cards, followers, memory
from workers.store.connection import driver_address, engine, role_of
from workers.store.exports.export import export
from workers.store.integrity.verify import verify
from workers.store.lock import alone
from workers.store.log.encoder import Head, Origin
from workers.store.log.events import answer, append, number, read_after, read_stream
from workers.store.migrate import migrate

REQUESTS = 100
PERSON = Actor(kind="person", id="terminal:on-call", groups=("oncall",))
WORKER = Actor(kind="worker", id="worker:detect")


@pytest.fixture
def shop(database_url: str) -> Engine:
    """The store of one team."""
    migrate(database_url, workspace="shop")
    return engine(database_url, "shop")


@pytest.fixture
def cinema(database_url: str) -> Engine:
    """The store of another, in the same database."""
    migrate(database_url, workspace="cinema")
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
    assert catch_up(cinema, "obligations", lambda _, event: seen.append(event)) == 8
    assert catch_up(shop, "obligations", lambda _, event: seen.append(event)) == 0
    with shop.connect() as connection:
        assert [one.position for one in followers.every(connection)] == [0]
    with alone(cinema, "tick:detect:views") as first, alone(shop, "tick:detect:views") as second:
        assert (first, second) == (True, True)


def test_nothing_can_be_written_into_another_workspace(
    shop: Engine, cinema: Engine, theirs: list[Answer]
) -> None:
    with shop.begin() as connection, pytest.raises(DBAPIError, match="row-level security"):
        connection.execute(
            text(
                "INSERT INTO followers (workspace, name, position, moved_at) "
                "VALUES ('cinema', 'obligations', 7, now())"
            )
        )
    with shop.begin() as connection:
        origin = Origin(actor=PERSON, key="k", at=make_finding().window_end)
        append(connection, Head(theirs[0].stream), [theirs[0].events[0].event], origin)
    assert verify(cinema).events == 8


@pytest.fixture
def intruder(database_url: str, shop: Engine, theirs: list[Answer]) -> Iterator[psycopg.Connection]:
    """A client with the login of the shop's installation, and any SQL it likes."""
    name = f"login_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(driver_address(database_url), autocommit=True) as administrator:
        password = sql.Literal(make_url(database_url).password)
        made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}")
        role = sql.Identifier(role_of("shop"))
        administrator.execute(made.format(sql.Identifier(name), password, role))
        url = make_url(database_url).set(username=name).render_as_string(hide_password=False)
        with psycopg.connect(driver_address(url), autocommit=True) as connection:
            connection.execute(f"SET ROLE {role_of('shop')}")
            yield connection
        administrator.execute(f"DROP ROLE {name}")


THEIRS = "recsysops_app_cinema"
HELD = ("events", "log", "pending", "cards", "followers", "people", "memory", "attempts", "attachments")


@pytest.mark.parametrize(
    "statement",
    [
        "SET recsysops.workspace = 'cinema'",
        "SELECT set_config('recsysops.workspace', 'cinema', false)",
        f"SET ROLE {THEIRS}",
        f"SET LOCAL ROLE {THEIRS}",
        f"SELECT set_config('role', '{THEIRS}', false)",
        f"SET SESSION AUTHORIZATION {THEIRS}",
        "SET ROLE recsysops_app",
        "SET ROLE pg_database_owner",
        "SET ROLE postgres",
        "RESET ROLE",
        "RESET ROLE; SET recsysops.workspace = 'cinema'",
        f"RESET ROLE; SET ROLE {THEIRS}",
        "SET row_security = off",
        "CREATE FUNCTION pg_temp.workspace_in_force() RETURNS text LANGUAGE sql AS $$ SELECT 'cinema' $$; "
        "SET search_path = pg_temp, public",
        f"CREATE FUNCTION pg_temp.into() RETURNS bigint LANGUAGE sql SET role = '{THEIRS}' "
        "AS $$ SELECT count(*) FROM public.events $$; SELECT pg_temp.into()",
    ],
)
def test_a_client_of_one_workspace_cannot_name_another(
    cinema: Engine, intruder: psycopg.Connection, statement: str
) -> None:
    before = snapshot(cinema)
    try:
        intruder.execute(statement)
    except psycopg.Error as error:
        assert isinstance(error, psycopg.errors.InsufficientPrivilege)
    for table in HELD:
        assert seen(intruder, f"SELECT count(*) FROM public.{table} WHERE workspace = 'cinema'") == 0
        assert seen(intruder, f"DELETE FROM public.{table} WHERE workspace = 'cinema' RETURNING 1") == 0
    seen(intruder, "SELECT number_events()")
    assert seen(intruder, "INSERT INTO followers (name, position) VALUES ('x', 0) RETURNING 1") in (0, 1)
    assert snapshot(cinema) == before
    with cinema.connect() as connection:
        assert followers.every(connection) == []


def test_a_schema_of_one_s_own_puts_no_function_in_the_way(
    cinema: Engine, intruder: psycopg.Connection, owner: psycopg.Connection
) -> None:
    before = snapshot(cinema)
    role = role_of("shop")
    owner.execute(f"CREATE SCHEMA mine AUTHORIZATION {role}".encode())
    for made in (
        "starts_with(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT true $$",
        "substr(text, integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'cinema'::text $$",
        f"current_setting(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '{THEIRS}'::text $$",
    ):
        intruder.execute(f"CREATE FUNCTION mine.{made}".encode())
    intruder.execute("SET search_path = mine, pg_catalog, public")
    for table in HELD:
        assert seen(intruder, f"SELECT count(*) FROM public.{table} WHERE workspace = 'cinema'") == 0
        assert seen(intruder, f"DELETE FROM public.{table} WHERE workspace = 'cinema' RETURNING 1") == 0
    assert snapshot(cinema) == before


def seen(client: psycopg.Connection, statement: str) -> int:
    """What a client is answered; 0 where it is refused."""
    try:
        row = client.execute(statement).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return 0
    except psycopg.errors.NotNullViolation:  # a row of no workspace
        return 0
    return int(row[0]) if row else 0


def test_every_table_that_names_a_workspace_is_guarded(owner: psycopg.Connection) -> None:
    guarded = owner.execute(
        """SELECT relname, relrowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid)
           FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
    ).fetchall()
    assert {name for name, safe in guarded if not safe} == {"alembic_version"}
