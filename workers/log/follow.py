"""
Followers: each one reads the log in order and remembers how far it has come.

The position is saved in the transaction of the effect, so an effect in the database happens exactly once, and
one outside it at least once; that is why everything outside uses the event's id as its key.

An event that a follower cannot handle is retried at growing intervals, and then set aside with an incident of
its own, so that one bad event does not hold up all the others. One that this release cannot read is waited
for, as a later release can.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event as Signal

import psycopg
import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import LogError, RecsysopsError, sanitized
from domain.incident.commands import AddNote, DeclareIncident
from domain.incident.events import Recorded
from domain.values import Actor, Severity
from workers.environment import redaction
from workers.log.handle import handle
from workers.store import followers
from workers.store.connection import driver_address
from workers.store.log.events import CALL_SECONDS, CHANNEL, number

POLL_SECONDS = 1.0
AGAIN_SECONDS = 2 * CALL_SECONDS
BATCH_EVENTS = 50
LONGEST_PAUSE_SECONDS = 30.0

Effect = Callable[[Connection, Recorded], None]

_log = structlog.get_logger(__name__)


class Poisoned(RecsysopsError):
    """An effect failed at this event, for a reason that lies outside the store."""

    def __init__(self, recorded: Recorded, reason: Exception) -> None:
        super().__init__(sanitized(reason))
        self.recorded = recorded


def follow(log: Engine, name: str, effect: Effect, stop: Signal) -> None:
    """
    Run `effect` for each event after the follower's position, in order, until `stop` is set.

    A failing effect is retried at growing intervals, and nothing after it is done meanwhile: followers
    promise to keep the order. After `followers.MOST_TRIES` the event is set aside.
    """
    appends = AppendListener(log)
    failures = 0
    limit = BATCH_EVENTS
    while not stop.is_set():
        try:
            caught_up = catch_up(log, name, effect, limit) == 0
            failures, limit = 0, BATCH_EVENTS
        except Exception as error:  # noqa: BLE001 - whatever it was, the event is still there and is retried
            failures += 1
            _log.exception("follower_failed", follower=name, failures=failures)
            if isinstance(error, Poisoned) and stumble(log, name, error.recorded, sanitized(error)):
                continue
            if isinstance(error, LogError):
                say_stuck(log, name, sanitized(error))
            # One by one from here: what precedes the failing event is done and stays done.
            limit = 1
            stop.wait(min(LONGEST_PAUSE_SECONDS, 0.5 * 2**failures))
            continue
        if caught_up:
            appends.wait(POLL_SECONDS)
    appends.close()


def catch_up(log: Engine, name: str, effect: Effect, limit: int = BATCH_EVENTS) -> int:
    """
    Handle up to `limit` events in one transaction, and return how many there were.

    Raises:
        Poisoned: the effect failed for one of them; none is done.
    """
    number(log)
    with log.begin() as connection:
        events = followers.unseen(connection, name, limit)
        for recorded in events:
            try:
                effect(connection, recorded)
            except (SQLAlchemyError, psycopg.Error):
                raise  # trouble with the store itself says nothing about the event
            except Exception as error:
                raise Poisoned(recorded, error) from error
            followers.done(connection, name, recorded.position)
    return len(events)


def stumble(log: Engine, name: str, recorded: Recorded, trouble: str) -> bool:
    """Count a failure at an event; True if it was the last one allowed, and the event is set aside."""
    trouble = redaction.prose(trouble)
    with log.begin() as connection:
        failures = followers.failed(connection, name, recorded.position, trouble)
        incident = followers.stream_of_trouble(connection, name)
    if failures < followers.MOST_TRIES:
        return False
    # Reported first: after a kill in between, it is reported once and the event is retried.
    stream = _report(log, name, recorded, trouble, incident)
    with log.begin() as connection:
        followers.set_aside(connection, name, recorded.position, trouble, stream)
    return True


def say_stuck(log: Engine, name: str, trouble: str) -> None:
    """Record why a follower is stuck, for `recsysops followers` to show."""
    with log.begin() as connection:
        followers.stuck(connection, name, redaction.prose(trouble))


def _report(log: Engine, name: str, recorded: Recorded, trouble: str, incident: str | None) -> str:
    """Open an incident for the first event that a follower sets aside, and note each further one on it."""
    actor = Actor(kind="worker", id=f"worker:{name}")
    key = f"set-aside:{name}:{recorded.position}"
    text = (
        f"The follower “{name}” failed {followers.MOST_TRIES} times at event {recorded.position} "
        f"({recorded.event.wire_name} of {recorded.stream}) and goes on without it: {trouble}. "
        f"Fix the cause, then `recsysops followers replay {name}` tries it again."
    )
    if incident is not None:
        return handle(incident, AddNote(text=text), actor=actor, key=key, log=log).stream
    title = f"“{name}” had to leave out an event"
    declared = DeclareIncident(number=0, title=title, severity=Severity.SEV2, description=text)
    return handle(None, declared, actor=actor, key=key, log=log).stream


class AppendListener:
    """
    Waits for the notification of an append, on its own connection. Not for several threads.

    An append soon after another one by the same process sends no notification: after hearing one, the next
    wait lasts only `AGAIN_SECONDS`, and so finds that append too.
    """

    def __init__(self, log: Engine) -> None:
        self._heard = False
        self._address = driver_address(log.url.render_as_string(hide_password=False))
        self._connection: psycopg.Connection | None = None

    def wait(self, timeout_seconds: float) -> bool:
        """True if something may be new; False if the time is up, or PostgreSQL is away: look even so."""
        self._heard = self._wait(min(timeout_seconds, AGAIN_SECONDS) if self._heard else timeout_seconds)
        return self._heard

    def _wait(self, timeout_seconds: float) -> bool:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._address, autocommit=True, connect_timeout=5)
                self._connection.execute(f"LISTEN {CHANNEL}")
                return True  # notifications before this moment went unheard
            return any(True for _ in self._connection.notifies(timeout=timeout_seconds, stop_after=1))
        except psycopg.OperationalError as error:
            _log.warning("news_unheard", error=sanitized(error))
            self.close()
            time.sleep(timeout_seconds)
            return False

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
