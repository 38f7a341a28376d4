"""What an operator and an auditor do with the log, at the terminal and with the environment they have."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from alembic import command
from psycopg import sql
from sqlalchemy import make_url

from domain.incident import commands as c
from domain.values import Actor
from tests.bot.terminal import Terminal, recsysops
from tests.workers.conftest import NOON, make_finding
from tests.workers.store.conftest import NOTHING
from workers.embedded import Servers
from workers.log.handle import handle
from workers.store.connection import driver_address, engine, role_of
from workers.store.fit import newest
from workers.store.migrate import configuration

WORKER = Actor(kind="worker", id="worker:detect")
PERSON = Actor(kind="person", id="terminal:on-call", groups=("oncall",))


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str, tmp_path: Path
) -> Terminal:
    here = {"DATABASE_URL": database_url, "RECSYSOPS_VAR": str(tmp_path / "var")}
    return Terminal(monkeypatch, capsys, here)


@pytest.fixture
def lived(database_url: str) -> str:
    """An incident that was closed in March, and one that is open; returns the stream of the first."""
    log = engine(database_url)
    opening = c.OpenIncident(number=0, finding=make_finding("Drama"))
    stream = handle(None, opening, actor=WORKER, key="drama", at=NOON, log=log).stream
    ending: tuple[c.Command, ...] = (
        c.Dismiss(reason="a holiday"),
        c.AnswerFollowUp(improvement=NOTHING),
        c.Close(),
    )
    for n, one in enumerate(ending):
        handle(stream, one, actor=PERSON, key=f"end-{n}", at=NOON + timedelta(hours=n + 1), log=log)
    opening = c.OpenIncident(number=0, finding=make_finding("Comedy"))
    handle(None, opening, actor=WORKER, key="comedy", at=NOON, log=log)
    return stream


@pytest.fixture
def empty(servers: Servers, terminal: Terminal) -> Iterator[str]:
    """The address of a database without a single table."""
    name = f"empty_{uuid.uuid4().hex}"
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        url = make_url(servers.database_url).set(database=name).render_as_string(hide_password=False)
        yield url
        engine(url).dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_an_auditor_checks_an_export_without_the_store(
    terminal: Terminal, lived: str, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    terminal("events", "export", "--checkpoint", file)
    key = terminal("events", "key").out.strip()
    alone = recsysops("events", "check", str(file), "--key", key, "--json")
    assert alone.returncode == 0, alone.stderr
    checked = json.loads(alone.stdout)
    assert (checked["checked"], checked["events"], checked["signed_by"]) == (True, 5, key)
    del terminal.environment["DATABASE_URL"]
    assert "5 events" in terminal("events", "check", file).out
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:1], *lines[2:]]))
    done = terminal("events", "check", file, code=1)
    assert done.err == f"{file}, line 2: position 2 is missing; this is position 3.\n"
    assert done.out == ""


def test_what_an_export_cannot_show_is_said(terminal: Terminal, lived: str, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    terminal("events", "export", file)
    assert "whether lines are missing at its end is not known" in terminal("events", "check", file).out
    key = terminal("events", "key").out.strip()
    done = terminal("events", "check", file, "--key", key, code=1)
    assert "does not end with a signed checkpoint" in done.err
    assert "neither 64 hexadecimal digits" in terminal("events", "check", file, "--key", "x", code=2).err


def test_an_export_that_breaks_off_leaves_what_was_there(
    terminal: Terminal, lived: str, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    terminal("events", "export", file)
    before = file.read_bytes()
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
        connection.execute("DELETE FROM events WHERE id = (SELECT max(id) FROM events)")
    assert "is gone" in terminal("events", "export", file, code=1).err
    assert file.read_bytes() == before


def test_a_store_is_put_back_from_its_export(
    terminal: Terminal, lived: str, empty: str, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    terminal("events", "export", "--checkpoint", file)
    head = terminal("events", "verify", "--json").json["head"]
    terminal.environment["DATABASE_URL"] = empty
    assert "The store has the shape of this release" in terminal("migrate").out
    assert "5 events, 2 cards" in terminal("events", "import", file).out
    assert terminal("events", "verify", "--json").json["head"] == head
    refused = terminal("events", "import", file, code=1)
    assert "holds 5 events already" in refused.err
    assert terminal("status", "--all", "--json").json["incidents"][0]["title"].startswith("Comedy")


def test_cards_are_made_again(terminal: Terminal, lived: str, database_url: str) -> None:
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        connection.execute("UPDATE cards SET severity = 'SEV4'")
    assert "events rebuild" in terminal("events", "verify", code=1).err
    assert "2 cards made again" in terminal("events", "rebuild").out
    assert terminal("events", "rebuild", "--json").json == {"cards": 2, "stray": 0, "archived": 0}
    assert "The log is intact" in terminal("events", "verify").out


def test_closed_incidents_are_archived_and_pruned_and_the_log_is_still_verified(
    terminal: Terminal, lived: str, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    assert (
        "main-2026-03.parquet: 4 events of 1 incidents" in terminal("events", "archive", "--to", folder).out
    )
    assert terminal("events", "archive", "--to", folder, "--json").json == {"files": []}
    head = terminal("events", "verify", "--json").json["head"]
    assert "0 pictures" in terminal("events", "prune", "--days", "30").out
    pruned = terminal("events", "prune", "--days", "30", "--archive", folder, "--json").json
    assert pruned["dropped"] == {"events": 4, "streams": 1, "kept": {}}
    verified = terminal("events", "verify", "--archive", folder, "--json").json
    assert (verified["head"], verified["archived"], verified["archive"]["events"]) == (head, 4, 4)
    assert "4 archived" in terminal("events", "verify").out
    assert "--archive FOLDER reads the rest" in terminal("events", "verify").out
    assert "Drama" in terminal("status", "--all").out
    assert "its events are in the archive" in terminal("reopen", "1", "-r", "again", code=1).err
    assert terminal("incident", "1").out
    assert "In the archive" in terminal("report", "1").out
    assert "In the archive" in terminal("report", "1", "--html").out


def test_only_the_tables_owner_may_drop(
    terminal: Terminal, lived: str, database_url: str, tmp_path: Path
) -> None:
    folder, name = tmp_path / "archive", f"login_{uuid.uuid4().hex[:12]}"
    terminal("events", "archive", "--to", folder)
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        password = sql.Literal(make_url(database_url).password)
        made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}")
        connection.execute(made.format(sql.Identifier(name), password, sql.Identifier(role_of("main"))))
        program = make_url(database_url).set(username=name).render_as_string(hide_password=False)
        terminal.environment["DATABASE_URL"] = program
        refused = terminal("events", "prune", "--days", "30", "--archive", folder, code=2)
        assert "name it in DATABASE_OWNER_URL" in refused.err
        terminal.environment["DATABASE_OWNER_URL"] = database_url
        pruned = terminal("events", "prune", "--days", "30", "--archive", folder, "--json").json
        assert pruned["dropped"]["events"] == 4
        engine(program).dispose()
        connection.execute(f"DROP ROLE {name}")


def test_what_is_younger_than_a_month_is_never_pruned(terminal: Terminal) -> None:
    assert "30" in terminal("events", "prune", "--days", "7", code=2).err


def test_the_secret_key_is_shown_nowhere(terminal: Terminal, lived: str, tmp_path: Path) -> None:
    runs = [terminal("events", "export", "--checkpoint"), terminal("events", "key")]
    secret = Path(os.environ["RECSYSOPS_SIGNING_KEY"]).read_text().splitlines()[1]
    assert not any(secret in done.out + done.err for done in runs)
    missing = tmp_path / "none.pem"
    terminal.environment["RECSYSOPS_SIGNING_KEY"] = str(missing)
    assert f"openssl genpkey -algorithm ed25519 -out {missing}" in terminal("events", "key", code=2).err


@pytest.mark.parametrize("revision", ["0002", "0003"])
def test_a_store_whose_migrations_are_behind_is_said_to_be_so_in_a_sentence(
    terminal: Terminal, empty: str, revision: str
) -> None:
    command.upgrade(configuration(empty), revision)
    terminal.environment["DATABASE_URL"] = empty
    sentence = f"it has the shape {revision}, and this release wants {newest()}; run `recsysops migrate`."
    for words in (("events", "verify"), ("events", "export"), ("events", "rebuild")):
        said = terminal(*words, code=2).err
        assert (said.strip().count("\n"), "Traceback" in said) == (0, False)
        assert sentence in said
    assert sentence in terminal("events", "archive", "--to", "/nowhere", code=2).err
    terminal("migrate")
    assert "0 events" in terminal("events", "verify").out


def test_a_verb_that_finds_no_tables_says_what_to_run(terminal: Terminal, empty: str) -> None:
    terminal.environment["DATABASE_URL"] = empty
    for words in (("status",), ("followers",), ("obligations",), ("events", "verify")):
        said = terminal(*words, code=2).err
        assert "it has no tables of this release yet; run `recsysops migrate`." in said
        assert said.count("\n") == 1
    command.upgrade(configuration(empty), "0003")
    assert "it has the shape 0003" in terminal("followers", code=2).err


def test_the_log_is_held_against_checkpoints_that_were_kept_elsewhere(
    terminal: Terminal, lived: str, database_url: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    terminal("events", "export", "--checkpoint", first)
    terminal("events", "export", "--after", "5", "--checkpoint", second)
    key = terminal("events", "key").out.strip()
    both = ("--checkpoint", first, "--checkpoint", second)
    said = terminal("events", "verify", *both, "--key", key, "--json").json["vouched"]["compared"]
    assert (said["checkpoints"], said["newest"], said["signed_by"]) == (2, 5, [key])
    assert "2 checkpoints fit, the newest of position 5" in terminal("events", "verify", *both).out
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        connection.execute("ALTER TABLE events DISABLE TRIGGER USER; ALTER TABLE log DISABLE TRIGGER USER")
        connection.execute("DELETE FROM log WHERE position = 5")
        connection.execute("DELETE FROM events WHERE id = (SELECT max(id) FROM events); DELETE FROM cards")
        connection.execute("ALTER TABLE events ENABLE TRIGGER USER; ALTER TABLE log ENABLE TRIGGER USER")
    terminal("events", "rebuild")
    terminal("events", "verify")
    done = terminal("events", "verify", *both, code=1)
    assert "the log ends at position 4: what came after it was cut off" in done.err


def test_an_export_of_what_is_not_there_leaves_no_file(
    terminal: Terminal, lived: str, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    for words in (("--after", "7"), ("--after", "7", "--checkpoint")):
        done = terminal("events", "export", *words, file, code=1)
        assert done.err == "The log ends at position 5; there is nothing behind position 7.\n"
    assert list(tmp_path.glob("log*")) == []


def test_without_a_witness_it_is_said_what_could_not_be_seen(terminal: Terminal, lived: str) -> None:
    said = terminal("events", "verify").out
    assert "No witness is declared" in said
    assert "whether the tables' owner cut the log's end off" in said
    assert "No witness is declared" in terminal("events", "witnesses").out


def test_what_is_wrongly_declared_does_not_hide_what_was_tampered_with(
    terminal: Terminal, lived: str, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "recsysops.toml").write_text("[witness.vault]\nkind = 'folders'\n")
    terminal.environment["RECSYSOPS_CONFIG"] = str(tmp_path / "recsysops.toml")
    assert "did you mean" in terminal("events", "verify", code=2).err
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        connection.execute("ALTER TABLE log DISABLE TRIGGER USER")
    done = terminal("events", "verify", code=1)
    assert "the trigger the_log_is_never_changed of log is switched off" in done.err
    assert "did you mean" in done.err
