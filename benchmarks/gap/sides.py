"""The store, and the plain way it is compared with: a table followed by its identity column."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from uuid import uuid4

import psycopg

from domain.incident.events import NoteAdded, Recorded
from domain.values import Actor
from workers.environment import clock
from workers.log.follow import catch_up
from workers.store.connection import driver_address, engine
from workers.store.log.encoder import Head, Origin
from workers.store.log.events import append

LINGER_SECONDS = 0.03
GIVEN_UP = 0.15
"""Share of the transactions that are rolled back."""

PERSON = Actor(kind="person", id="slack:U1")


class Side(ABC):
    """One way to write and to follow; `url` is the owner's address of a migrated database."""

    @abstractmethod
    def __init__(self, url: str) -> None: ...

    @abstractmethod
    def write(self, dice: random.Random) -> None:
        """One transaction that writes, lingers, and mostly commits."""

    @abstractmethod
    def look(self) -> list[str]:
        """What the follower is shown now, by name; the next call continues from there."""

    @abstractmethod
    def there(self) -> list[str]:
        """Everything that was committed, by name."""


class Store(Side):
    """`append`, and `workers.log.follow.catch_up`."""

    def __init__(self, url: str) -> None:
        self._log = engine(url)

    def write(self, dice: random.Random) -> None:
        stream = f"incident-{uuid4()}"
        events = [NoteAdded(text="x")] * dice.randint(1, 3)
        with self._log.connect() as connection, connection.begin() as transaction:
            append(connection, Head(stream), events, Origin(actor=PERSON, key=stream, at=clock.now()))
            linger(dice)
            if dice.random() < GIVEN_UP:
                transaction.rollback()

    def look(self) -> list[str]:
        shown: list[Recorded] = []
        catch_up(self._log, "gap", lambda _, recorded: shown.append(recorded))
        return [recorded.id for recorded in shown]

    def there(self) -> list[str]:
        with self._log.connect() as connection:
            found = connection.exec_driver_sql("SELECT stream || ':' || version FROM events")
            return list(found.scalars())


class Identity(Side):
    """INSERT, and SELECT … WHERE id > the last one seen."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(driver_address(url), autocommit=True)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)"
        )
        self._last = 0

    def write(self, dice: random.Random) -> None:
        with self._connection.transaction(force_rollback=dice.random() < GIVEN_UP):
            for _ in range(dice.randint(1, 3)):
                self._connection.execute("INSERT INTO bare (name) VALUES (%s)", (str(uuid4()),))
            linger(dice)

    def look(self) -> list[str]:
        query = "SELECT id, name FROM bare WHERE id > %s ORDER BY id LIMIT 50"
        shown = self._connection.execute(query, (self._last,)).fetchall()
        self._last = shown[-1][0] if shown else self._last
        return [name for _, name in shown]

    def there(self) -> list[str]:
        return [name for (name,) in self._connection.execute("SELECT name FROM bare")]


def linger(dice: random.Random) -> None:
    """Wait inside a transaction, usually briefly."""
    time.sleep(dice.random() ** 3 * LINGER_SECONDS)


SIDES: dict[str, type[Side]] = {"store": Store, "identity": Identity}
