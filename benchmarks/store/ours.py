"""Our store through its public functions: typed events in, chained, keyed and pending; typed events out."""

from __future__ import annotations

import re
from typing import ClassVar

import psycopg
from sqlalchemy import Engine

from benchmarks.store.contender import Contender
from benchmarks.store.facts import INCIDENT, PERSON
from workers.environment import clock
from workers.store.connection import engine
from workers.store.integrity.walk import walk_chain
from workers.store.log.encoder import Head, Origin, draft
from workers.store.log.events import insert, number, read_all, read_stream, write
from workers.store.migrate import migrate


class Ours(Contender):
    """
    `draft` and `write` encode, check, chain and append; `read_all` and `read_stream` give
    typed events.
    """

    name = "ours"

    def __init__(self, url: str) -> None:
        self.log: Engine = engine(url)
        self._connection = self.log.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._head = Head("")

    @classmethod
    def prepare(cls, owner_url: str) -> str:
        migrate(owner_url)
        return owner_url  # `engine` takes up the program's own role, whoever logs in

    def begin(self, stream: str) -> None:
        self._head = Head(stream)

    def append(self, first: int, count: int) -> None:
        events = [INCIDENT[n % len(INCIDENT)] for n in range(first, first + count)]
        origin = Origin(actor=PERSON, key=f"{self._head.stream}:{first}", at=clock.now())
        made = draft(self._head, events, origin)
        write(self._connection, insert(count > 1), made.parameters)
        self._head = made.head

    def replay(self) -> int:
        return sum(1 for _ in read_all(self._connection))

    def load(self, stream: str) -> int:
        return len(read_stream(self._connection, stream))

    def settle(self) -> int:
        settled = 0
        while numbered := number(self.log):
            settled += numbered
        return settled

    def verify(self) -> int:
        """Recompute every hash of the log; returns how many events there are."""
        with self.log.connect() as connection:
            return walk_chain(connection)[0]


class Without(Ours):
    """
    Ours without one guarantee, to show what that one costs: `given_up` is taken out of the database's
    `append_event`.
    """

    given_up: ClassVar[str]

    @classmethod
    def prepare(cls, owner_url: str) -> str:
        url = Ours.prepare(owner_url)
        with psycopg.connect(owner_url) as owner:
            found = owner.execute("SELECT pg_get_functiondef('append_event'::regproc)").fetchone()
            body, times = re.subn(cls.given_up, "", found[0] if found else "", flags=re.DOTALL)
            if times != 1:
                raise LookupError(f"append_event holds {times} times what stands for {cls.name!r}")
            owner.execute(body.encode())
        return url


class WithoutComparison(Without):
    """It neither looks up the event before nor compares the hashes."""

    name = "ours without the comparison of hashes at the door"
    given_up = r"    IF new_version > 1 THEN.*?(?=    INSERT INTO events)"


class WithoutNumbering(Without):
    """An event gets no place among those to number, so no follower would see it."""

    name = "ours without its place among those to number"
    given_up = r"    INSERT INTO pending.*?;\n"
