"""Everything refuses a store of another release, or of another program, in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from tests.bot.conftest import free_port
from tests.bot.terminal import Terminal
from workers.embedded import Servers
from workers.store.connection import ROLE, driver_address
from workers.store.fit import newest, revisions
from workers.store.migrate import configuration, migrate

PROCESSES: dict[str, tuple[str, ...]] = {
    "web": ("bot.slack.app",),
    "socket": ("bot.slack.socket",),
    "announce": ("bot.slack.announce",),
    "clock": ("workers.process.schedule",),
    "follower": ("workers.log.obligations",),
    "worker": (
        "celery",
        "-A",
        "workers.process.app:answers",
        "worker",
        "--concurrency",
        "1",
        "--loglevel",
        "ERROR",
    ),
    "looks": (
        "celery",
        "-A",
        "workers.process.app:looks",
        "worker",
        "--concurrency",
        "1",
        "--loglevel",
        "ERROR",
    ),
}
DECLARED = '[recommender]\nname = "shop"\n[tables.views]\npath = "views.csv"\n'
Make = Callable[[str], str]


@pytest.fixture
def store(servers: Servers) -> Iterator[Make]:
    """Makes a database of the condition that is named, and returns its address."""
    made: list[str] = []
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as administrator:

        def make(condition: str) -> str:
            made.append(f"release_{uuid.uuid4().hex}")
            administrator.execute(f"CREATE DATABASE {made[-1]}")
            url = make_url(servers.database_url).set(database=made[-1])
            address = url.render_as_string(hide_password=False)
            with psycopg.connect(driver_address(address), autocommit=True) as owner:
                CONDITIONS[condition][0](address, owner)
            return address

        yield make
        for name in made:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


def older(url: str, _: psycopg.Connection) -> None:
    command.upgrade(configuration(url), "0003")


def later(url: str, owner: psycopg.Connection) -> None:
    migrate(url)
    owner.execute("UPDATE alembic_version SET version_num = '9999'")


def unknown(url: str, owner: psycopg.Connection) -> None:
    migrate(url)
    owner.execute("UPDATE alembic_version SET version_num = 'a1b2c3'")


def others(_: str, owner: psycopg.Connection) -> None:
    owner.execute("CREATE TABLE orders (id int); CREATE TABLE customers (id int)")
    owner.execute(
        "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('77')"
    )


def others_alone(_: str, owner: psycopg.Connection) -> None:
    owner.execute("CREATE TABLE orders (id int); CREATE TABLE events (id int)")


def unversioned(url: str, owner: psycopg.Connection) -> None:
    migrate(url)
    owner.execute("DROP TABLE alembic_version")


def bare(_: str, __: psycopg.Connection) -> None:
    """Nothing in it."""


CONDITIONS: dict[str, tuple[Callable[[str, psycopg.Connection], None], str, str | None]] = {
    # what is done, what every process says, and what `migrate` says where it does nothing
    "older": (older, "it has the shape 0003, and this release wants", None),
    "bare": (bare, "it has no tables of this release yet; run `recsysops migrate`", None),
    "later": (
        later,
        "it has the shape 9999, of a later release than this one",
        "run the release that migrated",
    ),
    "unknown": (
        unknown,
        "it has the shape 'a1b2c3', which no release up to this one",
        "run the release that",
    ),
    "another program's": (others, "it is another program's (customers, orders)", "of this program's own"),
    "another program's, unversioned": (others_alone, "it is another program's (events, orders)", "own"),
    "unversioned": (unversioned, "none that says which release made them", "of this program's own"),
}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Terminal:
    (tmp_path / "recsysops.toml").write_text(DECLARED)
    here = {"RECSYSOPS_VAR": str(tmp_path / "var"), "RECSYSOPS_CONFIG": str(tmp_path / "recsysops.toml")}
    return Terminal(monkeypatch, capsys, here)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_verb_of_the_terminal_refuses_it_in_words(
    terminal: Terminal, store: Make, condition: str
) -> None:
    _, says, migrating = CONDITIONS[condition]
    terminal.environment["DATABASE_URL"] = store(condition)
    for words in (("status",), ("followers",), ("obligations",), ("events", "verify"), ("check", "ledger")):
        refused = terminal(*words, code=2)
        assert says in refused.err, words
        assert (refused.err.count("\n"), refused.out) == (1, "")
    if migrating is None:
        terminal("migrate")
        terminal("status")
    else:
        refused = terminal("migrate", code=2)
        assert says in refused.err
        assert migrating in refused.err
        assert refused.err.count("\n") == 1


def test_a_migration_that_is_refused_changes_nothing(store: Make) -> None:
    for condition, (_, _, migrating) in CONDITIONS.items():
        if migrating is None:
            continue
        url = store(condition)
        with psycopg.connect(driver_address(url)) as connection:
            query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
            before = connection.execute(query).fetchall()
            with pytest.raises(Exception, match="The store does not fit this release"):
                migrate(url)
            assert connection.execute(query).fetchall() == before


def test_a_schema_of_ones_own_beside_another_program_is_well(terminal: Terminal, store: Make) -> None:
    url = store("another program's")
    with psycopg.connect(driver_address(url), autocommit=True) as owner:
        owner.execute(f"CREATE SCHEMA incidents; GRANT USAGE ON SCHEMA incidents TO {ROLE}")
        owner.execute(f"ALTER DATABASE {make_url(url).database} SET search_path = incidents".encode())
    terminal.environment["DATABASE_URL"] = url
    assert "it has no tables of this release yet" in terminal("status", code=2).err
    terminal("migrate")
    terminal("status")


def test_what_this_release_wants_is_what_its_migrations_end_with() -> None:
    script = ScriptDirectory.from_config(configuration("postgresql://"))
    assert newest() == script.get_current_head()
    assert revisions() == {one.revision for one in script.walk_revisions()}


def environment(url: str, broker: str, folder: Path) -> dict[str, str]:
    (folder / "recsysops.toml").write_text(DECLARED)
    return {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": broker,
        "BROKER_QUEUE": f"release-{uuid.uuid4().hex}",
        "RECSYSOPS_VAR": str(folder / "var"),
        "RECSYSOPS_CONFIG": str(folder / "recsysops.toml"),
        "SLACK_BOT_TOKEN": "xoxb-none",
        "SLACK_SIGNING_SECRET": "none",
        "SLACK_BASE_URL": "http://127.0.0.1:1/api/",
        "PORT": str(free_port()),
    }


def start(name: str, given: dict[str, str], root: Path) -> subprocess.Popen[bytes]:
    """What it says is in a file beside its data folder; see `said`."""
    app_token = {"SLACK_APP_TOKEN": "xapp-none"} if name == "socket" else {}
    with said_by(name, given).open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", *PROCESSES[name]],
            cwd=root,
            env={**given, **app_token},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def said_by(name: str, given: dict[str, str]) -> Path:
    return Path(given["RECSYSOPS_VAR"]).with_name(f"{name}.log")


@pytest.mark.parametrize("condition", ["later", "another program's"])
def test_no_process_begins_on_it(
    store: Make, redis_url: str, tmp_path: Path, root: Path, condition: str
) -> None:
    given = environment(store(condition), redis_url, tmp_path)
    running = {name: start(name, given, root) for name in PROCESSES}
    for name, process in running.items():
        process.wait(120)
        said = said_by(name, given).read_text()
        assert process.returncode == 2, (name, said)
        assert CONDITIONS[condition][1] in said, name
        assert "Traceback" not in said, name


@pytest.fixture
def given(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(database_url, redis_url, tmp_path)


@pytest.fixture
def running(given: dict[str, str], root: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Every process that can stay without Slack, once it has begun."""
    started = {name: start(name, given, root) for name in PROCESSES if name != "socket"}
    for name in started:
        wait_for("release_watched", name, given)
    yield started
    for process in started.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(text: str, name: str, given: dict[str, str]) -> None:
    until = time.monotonic() + 120
    while text not in said_by(name, given).read_text():
        assert time.monotonic() < until, (name, said_by(name, given).read_text())
        time.sleep(0.1)


def test_a_release_that_is_rolled_out_ends_the_processes_of_the_one_before_it(
    running: dict[str, subprocess.Popen[bytes]], given: dict[str, str], owner: psycopg.Connection
) -> None:
    owner.execute("UPDATE alembic_version SET version_num = '9999'")
    for name, process in running.items():
        process.wait(120)
        said = said_by(name, given).read_text()
        assert process.returncode == 2, (name, said)
        assert "of a later release than this one" in said, name
        assert "This process ends." in said, name


def test_a_store_that_does_not_answer_keeps_nobody_from_beginning(given: dict[str, str], root: Path) -> None:
    given["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    process = start("follower", given, root)
    wait_for("release_watched", "follower", given)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_store_of_a_later_release_is_not_started_upon(
    terminal: Terminal, store: Make, redis_url: str, tmp_path: Path
) -> None:
    servers = {"DATABASE_URL": store("later"), "REDIS_URL": redis_url}
    terminal.environment |= {**servers, "RECSYSOPS_VAR": str(tmp_path / "var")}
    refused = terminal("up", "--port", str(free_port()), code=2)
    assert "of a later release than this one" in refused.err
