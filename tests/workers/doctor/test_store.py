"""The doctor looks at the store: its shape, its guards, and who could take them away."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from psycopg import sql
from sqlalchemy import make_url

from domain.answer import Advice
from domain.errors import ConfigurationError
from workers import embedded
from workers.doctor.doctor import check
from workers.doctor.store import examine_store
from workers.embedded import Servers
from workers.store.connection import ROLE, driver_address, role_of
from workers.store.fit import newest
from workers.store.migrate import configuration, migrate

Login = Callable[..., str]
Empty = Callable[..., str]


def named(url: str, database: str | None = None, username: str | None = None) -> str:
    return make_url(url).set(database=database, username=username).render_as_string(hide_password=False)


@pytest.fixture
def login(servers: Servers) -> Iterator[Callable[[str], str]]:
    """
    Makes logins of this test: `login("CREATEROLE")`, with the password in the server's own address; they are
    gone after it.
    """
    made: list[sql.Identifier] = []
    password = sql.Literal(make_url(servers.database_url).password)
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as connection:

        def make(kind: str) -> str:
            name = f"login_{uuid.uuid4().hex[:12]}"
            made.append(sql.Identifier(name))
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} " + kind).format(made[-1], password))
            return name

        yield make
        for role in made:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def empty(servers: Servers, login: Login) -> Iterator[Callable[..., str]]:
    """Makes a database without tables that a login owns, and returns its address for that login."""
    made: list[str] = []
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as connection:

        def make(owner: str) -> str:
            made.append(f"empty_{uuid.uuid4().hex}")
            connection.execute(f"CREATE DATABASE {made[-1]} OWNER {owner}")
            return named(servers.database_url, database=made[-1], username=owner)

        yield make
        for database in made:
            connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


def says(url: str) -> list[Advice]:
    return list(examine_store({"DATABASE_URL": url, "RECSYSOPS_VAR": "/nowhere"}))


def test_a_login_that_only_adds_is_well(database_url: str, login: Login) -> None:
    (advice,) = says(named(database_url, username=login(f"IN ROLE {role_of('main')}")))
    assert (advice.level, advice.says) == ("ok", "its newest shape; this login only adds to it")


def test_a_superuser_could_take_the_guards_away(database_url: str) -> None:
    (advice,) = says(database_url)
    assert advice.level == "warning"
    assert "is a superuser: whoever has its password can switch the log's guards off" in advice.says
    assert advice.fix is not None
    assert f"LOGIN PASSWORD '…' IN ROLE {role_of('main')}" in advice.fix
    assert "DATABASE_OWNER_URL" in advice.fix


def test_an_owner_could_take_the_guards_away_too(login: Login, empty: Empty) -> None:
    url = empty(login(f"IN ROLE {role_of('main')}"))
    migrate(url, url)
    (advice,) = [one for one in says(url) if one.level == "warning" and "owns" in one.says]
    assert "owns the tables (as login_" in advice.says


def test_what_the_advice_says_is_what_fixes_it(login: Login, empty: Empty, database_url: str) -> None:
    owner = login("CREATEROLE")
    url = empty(owner)
    migrate(url)
    program = named(url, username=login(""))
    (advice,) = says(program)
    assert advice.level == "error"
    assert "may not take the role recsysops_app_main" in advice.says
    assert advice.fix is not None
    with psycopg.connect(driver_address(database_url), autocommit=True) as administrator:
        administrator.execute(advice.fix.partition("run: ")[2].encode())
    assert [one.level for one in says(program)] == ["ok"]


def test_a_store_without_tables_or_behind_says_migrate(empty: Empty, login: Login) -> None:
    url = empty(login("SUPERUSER"))
    (advice,) = says(url)
    assert (advice.says, advice.fix) == ("it has no tables of this release yet", "run `recsysops migrate`")
    migrate(url)
    with psycopg.connect(driver_address(url), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
        (advice,) = says(url)
        assert advice.says == f"it has the shape 0002, and this release wants {newest()}"
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        (advice,) = says(url)
        assert "of a later release than this one" in advice.says
        assert advice.level == "error"


def test_a_guard_that_is_gone_is_an_error(database_url: str, owner: psycopg.Connection) -> None:
    owner.execute("ALTER TABLE log DISABLE TRIGGER the_log_is_never_changed")
    owner.execute("ALTER TABLE pending DISABLE ROW LEVEL SECURITY")
    wrong = [one.says for one in says(database_url) if one.level == "error"]
    assert wrong == [
        "the row security of pending is switched off",
        "the trigger the_log_is_never_changed of log is switched off",
    ]


def test_a_schema_where_everybody_may_make_things_is_said(
    database_url: str, owner: psycopg.Connection
) -> None:
    owner.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    fixes = [one.fix for one in says(database_url) if "functions and tables of its own" in one.says]
    assert fixes == [f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role_of('main')}"]


def test_a_store_that_does_not_answer_is_said_without_its_password() -> None:
    (advice,) = says("postgresql://me:hunter2@127.0.0.1:1/incidents")
    assert advice.says.startswith("PostgreSQL does not answer")
    assert "hunter2" not in str(advice)


def test_where_none_is_named_there_is_nothing_to_say() -> None:
    assert list(examine_store({"RECSYSOPS_VAR": "/nowhere"})) == []


def test_the_doctor_says_it_among_the_rest(tmp_path: Path, database_url: str) -> None:
    file = tmp_path / "recsysops.toml"
    file.write_text('[recommender]\nname = "shop"\n[tables.views]\npath = "views.csv"\n')
    lines = check(file, environment={"DATABASE_URL": database_url, "RECSYSOPS_VAR": str(tmp_path)})
    assert [one.level for one in lines if one.where == "store"] == ["warning"]


def test_an_owner_that_may_not_make_roles_says_what_an_administrator_runs(servers_folder: Path) -> None:
    """On a server of its own: the one that the tests share has the role already."""
    with embedded.started(servers_folder) as started:
        with psycopg.connect(started.owner_url, autocommit=True) as administrator:
            administrator.execute(f"DROP ROLE {embedded.LOGIN}, {ROLE}")
            password = sql.Literal(make_url(started.owner_url).password)
            administrator.execute(sql.SQL("CREATE ROLE incidents LOGIN PASSWORD {}").format(password))
            administrator.execute("CREATE DATABASE incidents OWNER incidents")
            url = named(started.owner_url, "incidents", "incidents")
            with pytest.raises(ConfigurationError) as caught:
                migrate(url, url)
            first, statement, last = str(caught.value).splitlines()
            assert first.startswith("The login “incidents” may not create the role")
            assert last == "and then `recsysops migrate` again."
            administrator.execute(statement.encode())
            with pytest.raises(ConfigurationError) as caught:
                migrate(url, url)
            assert "may not make the role of this workspace" in str(caught.value)
            administrator.execute(str(caught.value).splitlines()[1].encode())
            with pytest.raises(ConfigurationError) as caught:
                migrate(url, url)
            assert "may not take the role" in str(caught.value)
            administrator.execute(str(caught.value).splitlines()[1].encode())
        migrate(url, url)
        assert {one.level for one in says(url)} == {"warning"}


def test_an_owner_that_may_not_make_roles_finds_one_that_was_made(
    empty: Empty, login: Login, template: str
) -> None:
    url = empty(login(""))
    migrate(url)
    with psycopg.connect(driver_address(url)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (newest(),)


def test_migrating_lets_the_programs_login_into_its_role(empty: Empty, login: Login, template: str) -> None:
    owner = empty(login("SUPERUSER"))
    program = named(owner, username=login(""))
    migrate(owner, program)
    assert [one.level for one in says(program)] == ["ok"]


def test_where_the_owner_may_not_do_that_an_administrator_is_told_how(
    empty: Empty, login: Login, template: str
) -> None:
    owner = empty(login(""))
    program = named(owner, username=login(""))
    with pytest.raises(ConfigurationError, match=r'GRANT "recsysops_app_main" TO "login_'):
        migrate(owner, program)


def test_a_login_that_may_not_make_tables_is_told_how(login: Login, empty: Empty) -> None:
    url = named(empty(login("")), username=login(""))
    with pytest.raises(ConfigurationError, match="GRANT CREATE ON SCHEMA public TO"):
        migrate(url)


def test_another_than_the_tables_owner_is_told_who_migrates(login: Login, empty: Empty) -> None:
    url = empty(login(""))
    command.upgrade(configuration(url), "0001")
    with psycopg.connect(driver_address(url)) as connection:
        connection.execute("GRANT ALL ON SCHEMA public TO PUBLIC; GRANT ALL ON alembic_version TO PUBLIC")
    with pytest.raises(ConfigurationError, match="name it in DATABASE_OWNER_URL"):
        migrate(named(url, username=login("")))
