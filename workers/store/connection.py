"""
One pool of PostgreSQL connections a process, and the address in the spelling SQLAlchemy wants.

Whatever login an address names, the program works under the role of its workspace, `recsysops_app_main` for
instance: it may add to the log and not change it, and the database shows it nothing of another workspace.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, NamedTuple, cast

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from domain.errors import ConfigurationError
from workers.environment import clock
from workers.environment.settings import settings
from workers.store.known import MAKE_KNOWN, key_unknown

POOL_CONNECTIONS = 5
POOL_OVERFLOW = 15
CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 60_000
RESTED_SECONDS = 0.5
ROLE = "recsysops_app"
"""What the role of every workspace is a member of, and what a table is granted to."""


def role_of(workspace: str) -> str:
    """
    The role that is a workspace: whoever may take it works in this workspace, and in no other.

    >>> role_of("main")
    'recsysops_app_main'
    """
    return f"{ROLE}_{workspace}"


def spell(url: str) -> str:
    """
    The address with the driver named, whichever way a hosting company writes it.

    >>> spell("postgres://me:secret@db/incidents")
    'postgresql+psycopg://me:secret@db/incidents'
    """
    scheme, separator, rest = url.partition("://")
    plain = scheme.partition("+")[0]
    return f"postgresql+psycopg{separator}{rest}" if plain in {"postgres", "postgresql"} else url


def driver_address(url: str) -> str:
    """The same address as psycopg alone reads it."""
    return make_url(spell(url)).set(drivername="postgresql").render_as_string(hide_password=False)


def own() -> Engine:
    """
    The store that this process's environment names.

    Raises:
        ConfigurationError: no PostgreSQL is named.
    """
    return engine(settings().database(), settings().workspace)


class Driver(NamedTuple):
    """What is under SQLAlchemy's connection, and what is kept with it: gone with it, and never another's."""

    cursor: psycopg.Cursor[Any]
    prepared: set[bytes]
    """The names of the statements that PostgreSQL knows here."""
    known: dict[str, Any]
    """By stream, what was written last; see `workers.store.head`."""


def driver(connection: Connection) -> Driver:
    """The driver's side of a connection. To find it takes SQLAlchemy long: once for several questions."""
    kept = connection.info
    if "driver" not in kept:
        under = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        kept["driver"] = Driver(under.cursor(), set(), {})
    return cast("Driver", kept["driver"])


def cursor(connection: Connection) -> psycopg.Cursor[Any]:
    """
    The driver's cursor under SQLAlchemy's connection, for the statements that everything waits for.

    One for each connection, made once: fetch what it found before the next statement. It is in the
    transaction of the connection where one was begun; SQLAlchemy begins and commits none for it.
    """
    return driver(connection).cursor


_at_hand: dict[Engine, list[tuple[Connection, float]]] = {}


class at_once:  # noqa: N801 - read as a verb, `with at_once(log)`; as a generator it took twice as long
    """
    A connection on which each statement is a transaction of its own.

    The one that was used last stays at hand: to take one from the pool and to give it back costs more than
    to decide and to encode.
    """

    __slots__ = ("_connection", "_log", "_rested")

    def __init__(self, log: Engine) -> None:
        self._log = log

    def __enter__(self) -> Connection:
        self._rested = _at_hand.setdefault(self._log, [])
        self._connection = _taken(self._rested) or _fresh(self._log)
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            if isinstance(error, psycopg.Error) and not isinstance(error, psycopg.IntegrityError):
                self._connection.invalidate()
            self._connection.close()
        elif self._rested:
            self._connection.close()
        else:
            self._rested.append((self._connection, time.monotonic()))


def _fresh(log: Engine) -> Connection:
    return log.connect().execution_options(isolation_level="AUTOCOMMIT")


def _taken(rested: list[tuple[Connection, float]]) -> Connection | None:
    """The one at hand; None where there is none, or it may have died while it rested: the pool asks."""
    try:
        connection, since = rested.pop()
    except IndexError:  # asked first, it might be gone before it is taken: threads share the list
        return None
    if time.monotonic() - since <= RESTED_SECONDS and not clock.stale():
        return connection
    connection.close()
    return None


os.register_at_fork(after_in_child=_at_hand.clear)


@lru_cache(maxsize=32)
def engine(url: str, workspace: str = "main") -> Engine:
    """
    The pool for this address and workspace; the same one each time in one process.

    A connection that died while it rested is noticed before it is used; a statement that hangs is ended by
    the server.
    """
    options = {
        "client_encoding": "UTF8",
        "statement_timeout": STATEMENT_MILLISECONDS,
        "timezone": "UTC",
        "role": role_of(workspace),
    }
    made = create_engine(
        spell(url),
        pool_size=POOL_CONNECTIONS,
        max_overflow=POOL_OVERFLOW,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )
    _require_known_key(made, workspace)
    _look_at_those_that_rested(made)
    event.listen(made, "engine_disposed", _give_back)
    return made


def _require_known_key(made: Engine, workspace: str) -> None:
    """Whoever seals with another key than the others distrusts all that they write, and they what it does."""

    @event.listens_for(made, "first_connect")
    def known(connection: psycopg.Connection[Any], _: ConnectionPoolEntry) -> None:
        if why := key_unknown(connection, workspace):
            raise ConfigurationError(f"The store does not know this process: {why}; {MAKE_KNOWN}.")


def _give_back(log: Engine) -> None:
    for connection, _ in _at_hand.pop(log, []):
        connection.invalidate()
        connection.close()


def _look_at_those_that_rested(made: Engine) -> None:
    """Ask before each use, as `pool_pre_ping` does, took a third of the time of a press under load."""

    @event.listens_for(made, "checkin")
    def rests(_: object, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(made, "checkout")
    def used(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        now = time.monotonic()
        if now - record.info.get("rests_since", now) > RESTED_SECONDS or clock.stale():
            try:
                _ask_the_time(connection)
            except psycopg.Error as error:
                raise InvalidatePoolError from error


def _ask_the_time(connection: psycopg.Connection[Any]) -> None:
    """What a ping would show, and what time it is there: one question."""
    asked, before = clock.steady(), connection.autocommit
    connection.autocommit = True  # else a transaction would begin with it
    try:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    finally:
        if not connection.closed:
            connection.autocommit = before
    if row is not None:
        clock.agree(row[0], asked)


def present(log: Engine) -> datetime:
    """
    The present moment by the database's clock, which is asked where that was not done lately.

    Raises:
        OperationalError: it has to be asked, and is away.
    """
    if clock.stale():
        log.connect().close()
    return clock.now()


def owner_engine(url: str) -> Engine:
    """
    The same store as the login that owns its tables, for what the program may not do. Dispose of it.

    To an owner the database shows every workspace: each statement has to name the one that is meant.
    """
    return create_engine(
        spell(url),
        pool_size=1,
        connect_args={"connect_timeout": CONNECT_SECONDS, "options": "-c timezone=UTC"},
    )


def workspace_of(connection: Connection) -> str:
    """The workspace that a connection of the program works in."""
    return str(connection.exec_driver_sql("SELECT workspace_in_force()").scalar_one())
