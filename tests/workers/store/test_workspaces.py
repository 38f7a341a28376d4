"""Two workspaces of one database: each sees and writes its own rows, whatever it asks for."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

from domain.incident import commands as c
from domain.values import Actor
from tests.workers.conftest import make_finding
from workers.log.handle import handle
from workers.store import attachments, cards
from workers.store.connection import engine, role_of, workspace_of
from workers.store.migrate import migrate

TABLES = ("events", "log", "pending", "cards", "followers", "attempts", "memory", "people", "set_aside")


@pytest.fixture
def second(log: Engine, database_url: str) -> Iterator[Engine]:
    migrate(database_url, workspace="second")
    made = engine(database_url, "second")
    yield made
    made.dispose()


@pytest.fixture
def stream(log: Engine, detector: Actor) -> str:
    """An incident of the first workspace."""
    opening = c.OpenIncident(number=0, finding=make_finding("Drama"))
    return handle(None, opening, actor=detector, key="open", log=log).stream


def test_a_workspace_sees_no_row_of_another(log: Engine, second: Engine, stream: str) -> None:
    attachments.keep(log, b"a picture")
    with log.connect() as ours, second.connect() as theirs:
        assert (workspace_of(ours), workspace_of(theirs)) == ("main", "second")
        assert cards.find(ours, stream) is not None
        assert cards.find(theirs, stream) is None
        for table in (*TABLES, "attachments"):
            rows = f"SELECT count(*) FROM {table}"
            assert theirs.exec_driver_sql(rows).scalar_one() == 0, table
            assert theirs.exec_driver_sql(f"{rows} WHERE workspace = 'main'").scalar_one() == 0, table
        assert ours.exec_driver_sql("SELECT count(*) FROM events").scalar_one() > 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO memory VALUES ('main', 'record:a check', '1', now())",
        "INSERT INTO attempts VALUES ('main', 'e', 'diagnose', 's', 1, 0, now(), NULL)",
    ],
)
def test_a_workspace_writes_no_row_of_another(
    log: Engine, second: Engine, stream: str, statement: str
) -> None:
    with second.connect() as theirs:
        with pytest.raises(ProgrammingError, match="row-level security"):
            theirs.exec_driver_sql(statement)
        theirs.rollback()
        assert theirs.exec_driver_sql("UPDATE cards SET status = 'closed'").rowcount == 0
        assert theirs.exec_driver_sql("DELETE FROM memory").rowcount == 0


def test_the_login_of_one_workspace_cannot_take_the_role_of_another(
    log: Engine, second: Engine, database_url: str, owner: psycopg.Connection
) -> None:
    owner.execute("CREATE ROLE stranger_of_second LOGIN PASSWORD 'x'")
    try:
        owner.execute(f"GRANT {role_of('second')} TO stranger_of_second")
        owner.execute("SET SESSION AUTHORIZATION stranger_of_second")
        owner.execute(f"SET ROLE {role_of('second')}")
        for wanted in (role_of("main"), "postgres"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                owner.execute(f"SET ROLE {wanted}")
    finally:
        owner.execute("RESET SESSION AUTHORIZATION")
        owner.execute("RESET ROLE")
        owner.execute("DROP OWNED BY stranger_of_second")
        owner.execute("DROP ROLE stranger_of_second")
