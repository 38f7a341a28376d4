"""
A secret in the environment, and everything that can fail with it in its mouth: it reaches no event, memory,
log line, page, message or terminal.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import httpx
import ibis
import psycopg
import pytest
import structlog
from sqlalchemy import Engine

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from domain.incident import commands as c
from domain.values import Actor, Severity
from tests.workers.conftest import make_option
from workers.declaration.current import recommender
from workers.deployers.webhook import WebhookDeployer
from workers.doctor.doctor import check as doctor
from workers.door import doctor as doctor_of_the_terminal
from workers.door.terminal import run_check
from workers.environment import clock
from workers.environment.settings import read_settings
from workers.items.ask import fetch, settle_item
from workers.log.follow import say_stuck
from workers.log.handle import handle
from workers.sources.engines.engine import explained
from workers.store.memory import remember

CANARY = "c4nary-7f3a9c"
HOST = "warehouse-canary-9.internal"
WORKER = Actor(kind="worker", id="worker:test")
DECLARED = """
[recommender]
name = "shop"
[tables.shown]
url = "${WAREHOUSE_URL}"
table = "shown"
time = "at"
window = "1h"
[tables.files]
path = "${LAKE}/files/*.parquet"
time = "at"
window = "1h"
[checks.rows]
kind = "volume"
table = "files"
[deployers.hooks]
kind = "webhook"
url = "http://127.0.0.1:9/${HOOK_PATH}"
secret_env = "HOOK_SIGNING"
"""


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A declaration whose variables are set in this process."""
    for name, value in {
        "WAREHOUSE_URL": f"postgresql://analyst:{CANARY}-pw@127.0.0.1:1/{HOST}",
        "LAKE": str(tmp_path / f"lake-{CANARY}"),
        "HOOK_PATH": f"hooks/{CANARY}/in",
        "HOOK_SIGNING": f"{CANARY}-signing",
        "SLACK_BOT_TOKEN": f"xoxb-{CANARY}",
        "METRICS_TOKEN": f"{CANARY}-metrics",
    }.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "recsysops.toml"
    file.write_text(DECLARED)
    read_settings()
    recommender(file, own=False)
    yield file


def errors() -> list[Exception]:
    """What drivers really say, each with a secret in it."""
    said: list[Exception] = []
    url = os.environ["WAREHOUSE_URL"]
    for fails in (
        lambda: psycopg.connect(
            f"{url}?application_name={CANARY}-pw&nonsense={CANARY}-pw", connect_timeout=2
        ),
        lambda: ibis.connect(f"{url}?{CANARY}"),
        lambda: duckdb.sql(f"SELECT * FROM '{os.environ['LAKE']}/none.parquet'"),
        lambda: duckdb.sql(f"ATTACH '{url}' AS x (TYPE postgres_{CANARY}-pw)"),
        lambda: httpx.get(f"http://{CANARY}-signing.invalid/", trust_env=False),
        lambda: httpx.get(f"ftp://me:{CANARY}-pw@127.0.0.1/"),
        lambda: int(f"xoxb-{CANARY}"),
    ):
        try:
            fails()
        except Exception as error:  # noqa: BLE001 - whatever the driver raises is what is looked at
            said.append(error)
    assert len(said) == 7
    return said


def everything_in(database_url: str) -> str:
    """All rows of all tables, as text."""
    rows = []
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        names = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, name in names:
            query = f'SELECT t::text FROM "{schema}"."{name}" AS t'
            rows += [row[0] for row in connection.execute(query.encode()).fetchall()]
    return "\n".join(rows)


@pytest.mark.usefixtures("surroundings")
def test_no_errors_words_reach_the_database(log: Engine, database_url: str, surroundings: Path) -> None:
    opened = c.DeclareIncident(number=0, title="x", severity=Severity.SEV3)
    stream = handle(None, opened, actor=WORKER, key="0", log=log).stream
    for number, error in enumerate(errors()):
        text = f"{type(error).__name__}: {error}"
        answered = handle(stream, c.AddNote(text=text), actor=WORKER, key=f"note:{number}", log=log)
        assert not any(secret in str(answered.events) for secret in (f"{CANARY}-pw", f"{CANARY}-signing"))
        with log.begin() as connection:
            remember(connection, f"looks:{number}", {"note": text, "within": [{"deep": text}]})
        say_stuck(log, "announce", text)
    settle_item(log, recommender(surroundings, own=False), "i01", "question")
    assert CANARY not in str(fetch(log, "question"))
    stored = everything_in(database_url)
    assert "${METRICS_TOKEN}" not in stored
    assert "xoxb-" not in stored and "${SLACK_BOT_TOKEN}" in stored
    assert f"{CANARY}-pw" not in stored and f"{CANARY}-signing" not in stored


@pytest.mark.usefixtures("surroundings")
def test_an_engines_error_is_explained_without_what_the_environment_holds() -> None:
    for error in errors():
        assert CANARY not in str(explained("shown", error))


def test_looks_doctor_and_a_wrong_declaration_say_variables_and_not_their_values(surroundings: Path) -> None:
    looked = run_check(surroundings, None, datetime(2026, 3, 1, tzinfo=UTC))
    said = str(looked) + str(doctor_of_the_terminal(surroundings))
    assert CANARY in str(doctor(surroundings))  # else this test looks at nothing
    assert CANARY not in said and HOST not in said
    assert "${LAKE}/files" in said
    surroundings.write_text(DECLARED + '[deployers.x]\nkind = "${HOOK_PATH}"\nwhat = "${SLACK_BOT_TOKEN}"\n')
    with pytest.raises(ConfigurationError) as wrong:
        recommender(surroundings, own=False)
    assert CANARY not in str(wrong.value)


class Echo(BaseHTTPRequestHandler):
    """A receiver that answers with what it knows."""

    def do_POST(self) -> None:
        said = json.dumps({"detail": f"signed with {CANARY}-signing", "status": "refused"}).encode()
        self.send_response(422)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.mark.usefixtures("surroundings")
def test_a_receiver_that_says_the_secret_back_does_not_get_it_into_the_log(
    log: Engine, database_url: str
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    deployer = WebhookDeployer(
        f"http://127.0.0.1:{server.server_port}/{CANARY}-signing", f"{CANARY}-signing", clock=clock.now
    )
    with pytest.raises((DeployError, DeployUncertain)) as refused:
        deployer.apply("id", make_option(), None)
    server.shutdown()
    opened = c.DeclareIncident(number=0, title="x", severity=Severity.SEV3)
    stream = handle(None, opened, actor=WORKER, key="0", log=log).stream
    handle(stream, c.AddNote(text=str(refused.value)), actor=WORKER, key="1", log=log)
    assert CANARY not in everything_in(database_url)


@pytest.mark.usefixtures("surroundings")
def test_no_line_of_a_log_holds_it_whichever_library_writes(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []

    class Hears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(self.format(record))

    named = logging.getLogger("another.library")
    named.addHandler(hears := Hears())
    hears.setFormatter(logging.Formatter("%(message)s"))
    for error in errors():
        structlog.get_logger().warning("failed", error=str(error), url=os.environ["WAREHOUSE_URL"])
        try:
            raise RuntimeError(f"because of {error}") from error
        except RuntimeError as raised:
            structlog.get_logger().exception("failed")
            named.exception("failed: %s, %s", raised, {"token": "x"})
            named.warning("with %(what)s", {"what": str(error)})
            named.warning(f"as it is {error} 100 %")
    printed = "".join(capsys.readouterr()) + "\n".join(heard)
    assert printed.count("failed") > 20
    assert "Traceback" in printed
    assert CANARY not in printed


def test_what_ends_a_process_is_reported_without_it(root: Path) -> None:
    program = """
import os, threading
from workers.environment.settings import read_settings

def fails():
    int(os.environ["X_TOKEN"])

read_settings()
thread = threading.Thread(target=fails)
thread.start()
thread.join()
fails()
"""
    environment = {**os.environ, "X_TOKEN": f"xoxb-{CANARY}"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.count("${X_TOKEN}") == 2
    assert CANARY not in done.stderr + done.stdout
