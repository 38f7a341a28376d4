from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, inspect, make_url
from sqlmodel import SQLModel

from workers.embedded import Servers
from workers.store import tables
from workers.store.connection import driver_address


@pytest.fixture
def empty(servers: Servers) -> Iterator[str]:
    """A database without a single table."""
    name = f"empty_{uuid.uuid4().hex}"
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_url(servers.database_url).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_two_processes_that_start_together_migrate_once(empty: str) -> None:
    program = "import sys; from workers.store.migrate import migrate; migrate(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", program, empty]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    with psycopg.connect(driver_address(empty)) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


@pytest.mark.parametrize(
    "row", [row for row in vars(tables).values() if getattr(row, "__table__", None) is not None]
)
def test_the_typed_rows_are_what_the_migrations_make(log: Engine, row: type[SQLModel]) -> None:
    table = SQLModel.metadata.tables[str(row.__tablename__)]
    made = {column["name"]: column["nullable"] for column in inspect(log).get_columns(table.name)}
    assert made == {column.name: column.nullable for column in table.columns}
    keys = inspect(log).get_pk_constraint(table.name)["constrained_columns"]
    assert keys == [column.name for column in table.primary_key]
