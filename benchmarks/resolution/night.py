"""
A shop and its log through one incident: detector, follower, clock and workers take turns, fifteen seconds at
a time. Only the clock is replaced, and Celery is left out, which merely transports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from unittest.mock import patch

import psycopg
from sqlalchemy import Engine, make_url

from benchmarks.resolution.shop import STEP, Shop
from domain.incident import commands as c
from domain.incident.events import Recorded
from domain.incident.state import Hotfix, Incident
from domain.recommender.recommender import Recommender
from domain.values import Actor, Diagnosis, Option
from workers.detect.detection_run import detection_run
from workers.environment import clock
from workers.log.follow import catch_up
from workers.log.handle import handle
from workers.log.obligations import FOLLOWER, Handler, Work, hand_over, remind, settle
from workers.respond.resolve import cost, deploy, renew, resolve, watch, widen
from workers.store import cards
from workers.store.connection import driver_address, engine
from workers.store.log.events import read_stream
from workers.store.migrate import migrate

ON_CALL = Actor(kind="person", id="terminal:on-call", groups=("oncall",))
DIAGNOSED_BY = Actor(kind="worker", id="worker:diagnose")
MOST_WAIT = timedelta(minutes=15)

Room = Callable[[Work, Recommender], Iterable[c.Command]]
ROOMS: Mapping[str, Room] = {
    "menu": resolve.settle,
    "apply": deploy.apply,
    "widen": widen.widen,
    "revert": deploy.revert,
    "expire": deploy.expire,
    "watch": watch.watch,
    "guard": watch.guard,
    "renew": renew.renew,
    "cost": cost.settle,
}
"""The obligations settled here. The diagnosis is given, because the hotfix is what is examined."""


@dataclass
class Night:
    """
    One incident of a shop.

    Args:
        looks: whether the checks keep looking meanwhile, so that guards can alarm.
    """

    shop: Shop
    log: Engine
    recommender: Recommender
    looks: bool = True

    def step(self) -> None:
        """Let fifteen seconds pass: requests are served, the checks look, and what is owed is done."""
        self.shop.pass_time(STEP)
        if self.looks:
            detection_run(self.log, self.recommender, self.shop.at)
        self.work()

    def work(self) -> None:
        """Do what is owed now, as the follower and the clock hand it to the workers."""
        sent: list[tuple[str, ...]] = []

        def send(_job: str, *arguments: str) -> bool:
            sent.append(arguments)
            return True

        while catch_up(self.log, FOLLOWER, hand_over(send)):
            pass
        remind(self.log, send, self.shop.at)
        handlers: dict[str, Handler] = {
            kind: partial(_in_room, room, self.recommender) for kind, room in ROOMS.items()
        }
        for kind, stream, event_id in sent:
            if kind in handlers:
                settle(self.log, handlers, kind, stream, event_id)

    def until(self, done: Callable[[], bool], most: timedelta = MOST_WAIT) -> bool:
        """Let time pass until `done()` is true; returns False where it never was."""
        end = self.shop.at + most
        while not done():
            if self.shop.at >= end:
                return False
            self.step()
        return True

    def say(self, command: c.Command, actor: Actor = ON_CALL) -> None:
        key = f"{type(command).__name__}:{self.shop.at.isoformat()}"
        handle(self.stream, command, actor=actor, key=key, log=self.log)

    @property
    def stream(self) -> str:
        return self.incident.stream

    @property
    def incident(self) -> Incident:
        """The first incident that was opened."""
        return min(self.incidents, key=lambda one: one.number)

    @property
    def incidents(self) -> list[Incident]:
        with self.log.connect() as connection:
            return cards.every(connection)

    @property
    def hotfix(self) -> Hotfix | None:
        return self.incident.hotfix

    @property
    def stage(self) -> str:
        return self.hotfix.stage if self.hotfix else "none"

    @property
    def events(self) -> list[Recorded]:
        with self.log.connect() as connection:
            return list(read_stream(connection, self.stream))

    def deploy(self, diagnosis: Diagnosis, hotfix: str) -> Option:
        """
        Give the diagnosis, make the menu, and press the hotfix.

        Raises:
            LookupError: it is not on the menu.
        """
        self.say(c.RecordDiagnosis(diagnosis=diagnosis), DIAGNOSED_BY)
        self.until(lambda: self.incident.menu is not None)
        incident = self.incident
        found = [one for one in incident.menu or () if one.label.split(":")[0] == hotfix]
        if not found:
            raise LookupError(f"{hotfix} is not offered: {incident.menu_note or incident.left_out}")
        self.say(c.ChooseHotfix(option=found[0].key, menu=incident.menu_digest or ""))
        return found[0]


def _in_room(room: Room, recommender: Recommender, work: Work) -> Iterable[c.Command]:
    return room(work, recommender)


@contextmanager
def clock_of(shop: Shop) -> Iterator[None]:
    """Makes the shop's clock ours."""
    with patch.object(clock, "now", lambda: shop.at):
        yield


def created(owner_url: str, name: str) -> str:
    """The owner's address of a new log."""
    with psycopg.connect(driver_address(owner_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    migrate(named(owner_url, name))
    return named(owner_url, name)


@contextmanager
def copied(owner_url: str, name: str, template: str) -> Iterator[Engine]:
    """A separate log with a copy of another one's content; it is dropped after the block."""
    with psycopg.connect(driver_address(owner_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        log = engine(named(owner_url, name))
        try:
            yield log
        finally:
            log.dispose()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def named(owner_url: str, database: str) -> str:
    """The owner's address of another database."""
    url = make_url(driver_address(owner_url)).set(database=database)
    return url.render_as_string(hide_password=False)
