"""
Whatever part of a secret a driver, a library or a target quotes, and however it spells it: no four characters
of it are stored or shown, and what it said is in the log of the process without them.
"""

from __future__ import annotations

import base64
import io
import json
import string
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote

import duckdb
import httpx
import psycopg
import pytest
import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kombu.exceptions import OperationalError as BrokerAway
from psycopg import sql
from redis.exceptions import ConnectionError as RedisAway
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from domain.errors import RecsysopsError, sanitized
from domain.incident import commands as c
from tests.workers.conftest import NOON, make_option
from tests.workers.deployers.badly import answering, http, raw
from workers.checks.run import run_checks
from workers.declaration.declare import load
from workers.deployers.redis import RedisDeployer
from workers.deployers.webhook import WebhookDeployer
from workers.doctor.doctor import check
from workers.environment import redaction
from workers.environment.broker import Broker
from workers.environment.exchange import exchange
from workers.environment.redaction import Redaction
from workers.environment.settings import read_settings
from workers.log.follow import say_stuck, stumble
from workers.log.handle import Answer
from workers.log.obligations import MOST_TRIES, Work, settle
from workers.sources.engines.engine import open_duckdb, open_url, run
from workers.store import followers
from workers.store.log.events import read_stream
from workers.store.memory import remember
from workers.witnesses.git import Git

LEAST = 4
NOBODY = "127.0.0.1:1"
CUTS = st.text(alphabet="/#?@:&=;,% +![]'\"\\", min_size=1, max_size=2)
PIECE = st.from_regex(r"[QXZ][0-9][g-z]{2,5}[0-9][QXZ]", fullmatch=True)
"""No four characters of a secret are hexadecimal: they would be found by chance in a hash."""


@st.composite
def secrets(draw: st.DrawFn) -> str:
    pieces = draw(st.lists(PIECE, min_size=1, max_size=3))
    return "".join(piece + draw(CUTS) for piece in pieces) + draw(PIECE)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda secret: secret,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "half encoded": lambda secret: quote(secret, safe="/?#"),
}
SAYINGS: dict[str, Callable[[str], str]] = {
    **SPELLINGS,
    "cut at a delimiter": lambda secret: secret.partition("/")[0].partition("#")[0].partition("?")[0],
    "what follows": lambda secret: secret.rpartition("@")[2].rpartition("/")[2],
    "in lower case": str.lower,
    "in JSON": json.dumps,
    "in quotes": repr,
    "twice encoded": lambda secret: quote(quote(secret, safe=""), safe=""),
    "basic": lambda secret: "Basic " + base64.b64encode(f"me:{secret}".encode()).decode(),
    "with its host": lambda secret: f"postgresql://me:{secret}@host/db",
}


def four(secret: str) -> set[str]:
    """Every four of its characters without a delimiter, and twelve of its base64, which holds short words."""
    in_base64 = base64.b64encode(f"me:{secret}".encode()).decode().lower()[8:-4]
    found = {secret.lower()[at : at + LEAST] for at in range(len(secret) - LEAST + 1)}
    found |= {in_base64[at : at + 12] for at in range(len(in_base64) - 11)}
    return {one for one in found if set(one) <= set(string.ascii_lowercase + string.digits)}


@contextmanager
def knowing(*addresses: str, secret: str = "") -> Iterator[io.StringIO]:
    """A process that has read these, and what it writes to its log."""
    known, written = Redaction(), io.StringIO()
    known.note_environment({**{f"URL_{n}": one for n, one in enumerate(addresses)}, "A_SECRET": secret})
    names = ("prose", "data", "foreign", "note_environment", "note_secret", "note_expanded", "note_declared")
    with (
        patch.multiple(redaction, **{name: getattr(known, name) for name in names}),
        redirect_stdout(written),
    ):
        yield written


def hidden(secret: str, *texts: str) -> None:
    for text in texts:
        found = [one for one in four(secret) if one in text.lower()]
        assert not found, (found, text)


def foreign(said: str) -> Sequence[Exception]:
    """Errors as drivers and libraries raise them, which say this."""
    noted = ValueError("Port could not be cast to an integer")
    noted.add_note(f"it was {said}")
    caused = RuntimeError("no connection")
    caused.__cause__ = KeyError(said)
    request = httpx.Request(
        "GET", "http://127.0.0.1/x", headers={"Authorization": said.encode("ascii", "replace").decode()}
    )
    driver = psycopg.OperationalError(f'connection to server at "{said}" failed')
    return (
        ValueError(f"Port could not be cast to integer value as {said!r}"),
        noted,
        caused,
        driver,
        OperationalError(f"SELECT '{said}'", {"a": said}, driver),
        duckdb.ConversionException(f"Could not convert string '{said}' to INT32"),
        RedisAway(f"Error connecting to {said}"),
        BrokerAway(f"amqp://{said}"),
        httpx.ConnectError(f"nobody at {said}", request=request),
        FileNotFoundError(2, f"No such file {said}", said),
        UnicodeDecodeError("utf-8", said.encode(), 0, 1, said),
        ImportError(said, name=said, path=said),
        KeyError(said),
    )


@settings(max_examples=15, deadline=None)
@given(secrets(), st.sampled_from(sorted(SAYINGS)))
def test_no_error_of_a_library_shows_a_piece_of_a_secret_and_its_words_are_in_the_log(
    secret: str, how: str
) -> None:
    for error in foreign(SAYINGS[how](secret)):
        with knowing(f"postgresql://me:{secret}@host/db", secret=secret) as log:
            shown = sanitized(error)
            try:
                raise error
            except type(error):
                structlog.get_logger().exception("it_failed", of=error)
        assert shown.startswith(type(error).__name__)
        assert type(error).__name__ in log.getvalue()
        hidden(secret, shown, log.getvalue())


def broken_select(secret: str, written: str, folder: Path) -> None:
    text = written.replace("'", "''")
    connection = open_duckdb(str(folder))
    try:
        run("plays", connection, lambda: connection.con.execute(f"SELECT '{text}'::INT, FROM nobody WHERE"))
    finally:
        connection.disconnect()


def from_git(secret: str, written: str, folder: Path) -> None:
    Git(folder / "witness.git", "kept", f"http://me:{written}@{NOBODY}/r.git?token={written}", 20.0).held(
        "main"
    )


def answered_by_a_target(secret: str, written: str, folder: Path) -> None:
    body = json.dumps({"status": "refused", "detail": written, "message": secret}).encode()
    with answering(raw(http("422 No", body))) as server:
        WebhookDeployer(server.url, secret, clock=lambda: NOON).apply("e", make_option(), None)


def from_broker(secret: str, written: str, folder: Path) -> None:
    url = read_settings(
        {"BROKER_URL": f"redis://me:{written}@{NOBODY}/0", "RECSYSOPS_VAR": str(folder)}
    ).broker()
    raise RecsysopsError(Broker(url, "q").trouble())


def from_store(secret: str, written: str, folder: Path) -> None:
    read_settings(
        {"DATABASE_URL": f"postgresql://me:{written}@{NOBODY}/db", "RECSYSOPS_VAR": str(folder)}
    ).database()
    raise RecsysopsError("it can be read")


DRIVERS: dict[str, Callable[[str, str, Path], object]] = {
    "PostgreSQL": lambda _, written, __: open_url("plays", f"postgresql://me:{written}@{NOBODY}/db"),
    "MySQL": lambda _, written, __: open_url("plays", f"mysql://me:{written}@{NOBODY}/db"),
    "a scheme nobody knows": lambda _, written, __: open_url("plays", f"{written}://{written}@{NOBODY}/db"),
    "DuckDB": broken_select,
    "Redis": lambda _, written, __: RedisDeployer(
        f"redis://me:{written}@{NOBODY}/0", "k", timeout_seconds=1.0
    ).serving(),
    "the store": from_store,
    "HTTP": lambda _, written, __: exchange(
        "GET", f"http://me:{written}@{NOBODY}/x?token={written}", b"", {}, seconds=2, most_bytes=9
    ),
    "git": from_git,
    "a target": answered_by_a_target,
}


@settings(max_examples=4, deadline=None)
@example("Q0ggggg0Q:Q0ggggg0Q:Q0ggg0Q::Q0gg0Q")  # the driver cuts the statement in the middle of a piece
@given(secrets())
def test_no_driver_shows_a_piece_of_the_secret_in_its_address(
    tmp_path_factory: pytest.TempPathFactory, secret: str
) -> None:
    folder = tmp_path_factory.mktemp("drivers")
    for spell in SPELLINGS.values():
        for name, ask in DRIVERS.items():
            if name == "git" and spell is not SPELLINGS["half encoded"]:
                continue  # it takes three processes
            written = spell(secret)
            known = knowing(f"postgresql://me:{written}@h/db", secret=secret)
            with known as log, pytest.raises(RecsysopsError) as caught:
                ask(secret, written, folder)
            hidden(secret, str(caught.value), log.getvalue())


def test_a_broker_that_is_away_is_said_to_be_without_a_piece_of_its_password(tmp_path: Path) -> None:
    secret = "Q1klm2X/Z3nop4Q"
    for spell in SPELLINGS.values():
        known = knowing(f"redis://me:{spell(secret)}@h/0", secret=secret)
        with known as log, pytest.raises(RecsysopsError, match=r"ECONNREFUSED|unencoded") as caught:
            from_broker(secret, spell(secret), tmp_path)
        hidden(secret, str(caught.value), log.getvalue())


DECLARED = """\
[recommender]
name = "shop"

[tables.plays]
url = "${WAREHOUSE_URL}"
table = "plays"
time = "at"
window = "1h"

[checks.volume]
kind = "volume"
table = "plays"
"""


def rows_of(owner: psycopg.Connection) -> str:
    """Everything that is in the store, as text."""
    tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    rows: list[str] = []
    for (table,) in tables:
        asked = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table))
        rows += [str(row) for (row,) in owner.execute(asked)]
    return "\n".join(rows)


@pytest.mark.parametrize("cut", ["/", "#", "?", "@", ":", "[", "/?#@"])
def test_an_address_whose_password_is_not_encoded_is_explained_and_reaches_nothing(
    tmp_path: Path, cut: str
) -> None:
    """The check goes blind, and says of itself why: that is the text of an incident."""
    secret = f"TOPSECRET1{cut}Q7kelpZ9"
    url = f"postgresql://analyst:{secret}@{NOBODY}/db"
    (tmp_path / "recsysops.toml").write_text(DECLARED)
    around = {"WAREHOUSE_URL": url, "RECSYSOPS_VAR": str(tmp_path)}
    with knowing(url) as log:
        result = run_checks(load(tmp_path, around), NOON)
        advice = [one for one in check(tmp_path, environment=around, at=NOON) if one.level == "error"]
    (finding,) = result.findings
    (line,) = [one for one in advice if one.where == "tables.plays"]
    hidden(secret, result.model_dump_json(), *(str(one) for one in advice), log.getvalue())
    hidden("TOPSECRET1", result.model_dump_json(), *(str(one) for one in advice), log.getvalue())
    for says in (finding.title, line.says):
        assert "percent-encode" in says or "not reachable" in says
    if set(cut) & set("/#?["):
        assert "the password holds '/', '#', '?'" in line.says


def test_what_the_store_keeps_of_a_failure_holds_no_piece_of_a_secret(
    log: Engine, owner: psycopg.Connection, opened: Callable[..., Answer]
) -> None:
    """Events, cards, what is set aside, what followers and attempts say: every row of every table."""
    secret = "Q1qrst2X/Z3uvwx4Q#X5yzqr6Z"
    for n, (how, say) in enumerate(SAYINGS.items()):
        stream = opened(f"Genre {n}", f"k{n}").stream
        error = foreign(say(secret))[n % 13]

        def fails(work: Work, error: Exception = error) -> Sequence[c.Command]:
            raise error

        with knowing(f"postgresql://me:{secret}@host/db", secret=secret) as written:
            for _ in range(MOST_TRIES):
                settle(log, {"diagnose": fails}, "diagnose", stream, f"{stream}:1")
            with log.connect() as connection:
                recorded = read_stream(connection, stream)[0]
            for _ in range(followers.MOST_TRIES):
                stumble(log, f"follower {n}", recorded, sanitized(error))
            say_stuck(log, f"follower {n}", sanitized(error))
            with log.begin() as connection:
                remember(connection, how, {"why": sanitized(error)})
        hidden(secret, written.getvalue())
    kept = rows_of(owner)
    assert "diagnosis.failed" in kept
    hidden(secret, kept)
