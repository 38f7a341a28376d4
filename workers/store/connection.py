"""
One pool of PostgreSQL connections per process, and the address in the form that SQLAlchemy expects.

Whatever login an address names, the program works under its workspace's role, `recsysops_app_main` for
instance: it may add to the log but not change it, and the database shows it no other workspace.
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
"""The role that every workspace's role is a member of, and that tables are granted to."""


def role_of(workspace: str) -> str:
    """
    The role of a workspace: whoever may assume it works in this workspace, and in no other.

    >>> role_of("main")
    'recsysops_app_main'
    """
    return f"{ROLE}_{workspace}"


def spell(url: str) -> str:
    """
    The address with the driver named, however a hosting provider writes it.

    >>> spell("postgres://me:secret@db/incidents")
    'postgresql+psycopg://me:secret@db/incidents'
    """
    scheme, separator, rest = url.partition("://")
    plain = scheme.partition("+")[0]
    return f"postgresql+psycopg{separator}{rest}" if plain in {"postgres", "postgresql"} else url


def driver_address(url: str) -> str:
    """The same address in the form that psycopg itself reads."""
    return make_url(spell(url)).set(drivername="postgresql").render_as_string(hide_password=False)


def own() -> Engine:
    """
    The store that this process's environment names.

    Raises:
        ConfigurationError: no PostgreSQL is named.
    """
    return engine(settings().database(), settings().workspace)


class Driver(NamedTuple):
    """The driver's part of a connection and the state kept with it; it goes with it and is never shared."""

    cursor: psycopg.Cursor[Any]
    prepared: set[bytes]
    """The names of the statements prepared on this connection."""
    known: dict[str, Any]
    """What was last written, by stream; see `workers.store.head`."""


def driver(connection: Connection) -> Driver:
    """The driver's part of a connection. SQLAlchemy takes long to find it: do it once for several queries."""
    kept = connection.info
    if "driver" not in kept:
        under = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        kept["driver"] = Driver(under.cursor(), set(), {})
    return cast("Driver", kept["driver"])


def cursor(connection: Connection) -> psycopg.Cursor[Any]:
    """
    The driver's cursor below SQLAlchemy's connection, for the statements that everything waits for.

    One per connection, created once: fetch its results before the next statement. It takes part in the
    connection's transaction if one was begun; SQLAlchemy neither begins nor commits one for it.
    """
    return driver(connection).cursor


_at_hand: dict[Engine, list[tuple[Connection, float]]] = {}


class at_once:  # noqa: N801 - reads as a verb, `with at_once(log)`; as a generator it took twice as long
    """
    A connection on which each statement is a transaction of its own.

    The one used last is kept at hand: taking one from the pool and returning it costs more than deciding
    and encoding.
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
    """The one at hand; None if there is none, or it may have died while idle: the pool checks."""
    try:
        connection, since = rested.pop()
    except IndexError:  # not checked first: it could vanish in between, since threads share the list
        return None
    if time.monotonic() - since <= RESTED_SECONDS and not clock.stale():
        return connection
    connection.close()
    return None


os.register_at_fork(after_in_child=_at_hand.clear)


@lru_cache(maxsize=32)
def engine(url: str, workspace: str = "main") -> Engine:
    """
    The pool for this address and workspace; always the same one within a process.

    A connection that died while idle is noticed before it is used; a statement that hangs is ended by
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
    """A process that seals with another key distrusts all that the others write, and they what it writes."""

    @event.listens_for(made, "first_connect")
    def known(connection: psycopg.Connection[Any], _: ConnectionPoolEntry) -> None:
        if why := key_unknown(connection, workspace):
            raise ConfigurationError(f"The store does not know this process: {why}; {MAKE_KNOWN}.")


def _give_back(log: Engine) -> None:
    for connection, _ in _at_hand.pop(log, []):
        connection.invalidate()
        connection.close()


def _look_at_those_that_rested(made: Engine) -> None:
    """Check idle connections only: checking all, as `pool_pre_ping` does, took a third of a press's time."""

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
    """Do what a ping does and fetch the server's time, in one query."""
    asked, before = clock.steady(), connection.autocommit
    connection.autocommit = True  # otherwise it would begin a transaction
    try:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    finally:
        if not connection.closed:
            connection.autocommit = before
    if row is not None:
        clock.agree(row[0], asked)


def present(log: Engine) -> datetime:
    """
    The present moment by the database's clock, which is queried if that was not done recently.

    Raises:
        OperationalError: a query is needed, and the database is away.
    """
    if clock.stale():
        log.connect().close()
    return clock.now()


def owner_engine(url: str) -> Engine:
    """
    The same store as the login that owns its tables, for what the program may not do. Dispose of it.

    The database shows an owner every workspace: each statement has to name the intended one.
    """
    return create_engine(
        spell(url),
        pool_size=1,
        connect_args={"connect_timeout": CONNECT_SECONDS, "options": "-c timezone=UTC"},
    )


def workspace_of(connection: Connection) -> str:
    """The workspace that one of the program's connections works in."""
    return str(connection.exec_driver_sql("SELECT workspace_in_force()").scalar_one())
