"""
Followers: each reads the log in order and remembers how far it has come.

The position is saved in the transaction of the effect, so an effect in the database happens exactly once, and
one outside it at least once; that is why everything outside carries the event's id as its key.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event as Signal

import psycopg
import structlog
from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.incident.events import Recorded
from workers.store.connection import driver_address
from workers.store.events import CHANNEL, number, read_after
from workers.store.tables import FollowerRow

POLL_SECONDS = 1.0
BATCH_EVENTS = 50
LONGEST_PAUSE_SECONDS = 30.0

Effect = Callable[[Connection, Recorded], None]

_FOLLOWERS = FollowerRow.__table__  # type: ignore[attr-defined]
_log = structlog.get_logger(__name__)


def follow(log: Engine, name: str, effect: Effect, stop: Signal) -> None:
    """
    Do `effect` for each event after the follower's position, in order, until `stop` is set.

    An effect that fails is tried again, ever more slowly, and nothing after it is done meanwhile: order is
    part of what a follower promises.
    """
    news = News(log)
    failures = 0
    while not stop.is_set():
        try:
            caught_up = catch_up(log, name, effect) == 0
            failures = 0
        except Exception:  # noqa: BLE001 - whatever it was, the event is still there and is tried again
            failures += 1
            _log.exception("follower_failed", follower=name, failures=failures)
            stop.wait(min(LONGEST_PAUSE_SECONDS, 0.5 * 2**failures))
            continue
        if caught_up:
            news.wait(POLL_SECONDS)
    news.close()


def catch_up(log: Engine, name: str, effect: Effect, limit: int = BATCH_EVENTS) -> int:
    """Do up to `limit` events in one transaction, and return how many there were."""
    number(log)
    with log.begin() as connection:
        events = read_after(connection, hold_position(connection, name), limit)
        for recorded in events:
            effect(connection, recorded)
        if events:
            save_position(connection, name, events[-1].position)
    return len(events)


def hold_position(connection: Connection, name: str) -> int:
    """The follower's position; a second process of the same follower waits here until the first is done."""
    connection.execute(insert(_FOLLOWERS).values(name=name, position=0).on_conflict_do_nothing())
    query = select(_FOLLOWERS.c.position).where(_FOLLOWERS.c.name == name).with_for_update()
    return int(connection.execute(query).scalar_one())


def save_position(connection: Connection, name: str, position: int) -> None:
    """Remember that everything up to `position` is done. It never goes back."""
    forward = (_FOLLOWERS.c.name == name) & (_FOLLOWERS.c.position < position)
    connection.execute(update(_FOLLOWERS).where(forward).values(position=position))


class News:
    """Waits for the call that follows an append, on a connection of its own. Not for several threads."""

    def __init__(self, log: Engine) -> None:
        self._address = driver_address(log.url.render_as_string(hide_password=False))
        self._connection: psycopg.Connection | None = None

    def wait(self, timeout_seconds: float) -> bool:
        """True when there may be news; False when the time was over, or PostgreSQL is away."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._address, autocommit=True, connect_timeout=5)
                self._connection.execute(f"LISTEN {CHANNEL}")
                return True  # whatever was called before this moment went unheard
            return any(True for _ in self._connection.notifies(timeout=timeout_seconds, stop_after=1))
        except psycopg.OperationalError as error:
            _log.warning("news_unheard", error=str(error))
            self.close()
            time.sleep(timeout_seconds)
            return False

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
