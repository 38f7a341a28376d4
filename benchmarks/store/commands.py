"""The cost of a person's press in the store: `workers.log.handle.handle`, from command to events and card."""

from __future__ import annotations

import time
from threading import Event as Signal
from threading import Thread
from uuid import uuid4

from sqlalchemy import Connection

from benchmarks.store.facts import PERSON, STREAM_EVENTS
from domain.incident.commands import AddNote, ChangeSeverity, Command, DeclareIncident
from domain.incident.events import Recorded
from domain.values import Severity
from workers.environment import clock
from workers.log.follow import follow
from workers.log.handle import handle
from workers.store.connection import engine


class Incidents:
    """One person's commands, one incident after the other, `STREAM_EVENTS` commands each."""

    def __init__(self, url: str) -> None:
        self._log = engine(url)
        self._stream: str | None = None
        self._asked = 0
        self._key = f"T012:{uuid4()}"

    def ask(self) -> None:
        """Send the next command."""
        step = self._asked % STREAM_EVENTS
        if step == 0:
            self._stream = None
        key = f"{self._key}:{self._asked}"
        self._stream = handle(self._stream, COMMANDS[step], actor=PERSON, key=key, log=self._log).stream
        self._asked += 1


def _command(step: int) -> Command:
    if step == 0:
        return DeclareIncident(
            number=0, title="Danish films are gone", severity=Severity.SEV3, description="seen by hand"
        )
    if step % 2:
        return AddNote(text=f"Minute {step}: the delivery is read again, two thirds are done.")
    return ChangeSeverity(severity=Severity.SEV2 if step % 4 == 0 else Severity.SEV3, reason="counted again")


COMMANDS = tuple(_command(step) for step in range(STREAM_EVENTS))
"""The commands for each incident, prepared beforehand as the others' events are."""


def ask(url: str, begin_at: float, seconds: float) -> float:
    """Commands done a second, starting at `begin_at` (`time.time()`)."""
    incidents, done = Incidents(url), 0
    time.sleep(max(0.0, begin_at - time.time()))
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        incidents.ask()
        done += 1
    return done / (time.perf_counter() - begun)


def ask_steadily(url: str, begin_at: float, seconds: float, a_second: float) -> int:
    """The same at a fixed pace; returns how many commands were done."""
    incidents = Incidents(url)
    for n in range(int(seconds * a_second)):
        time.sleep(max(0.0, begin_at + n / a_second - time.time()))
        incidents.ask()
    return int(seconds * a_second)


def follow_along(url: str, seconds: float) -> list[float]:
    """Milliseconds from each new command (its `at`) to a follower's effect; earlier ones do not count."""
    begun, lags, stop = clock.now(), list[float](), Signal()

    def effect(_: Connection, recorded: Recorded) -> None:
        if recorded.at > begun:
            lags.append((clock.now() - recorded.at).total_seconds() * 1000)

    thread = Thread(target=follow, args=(engine(url), "benchmark", effect, stop))
    thread.start()
    time.sleep(seconds)
    stop.set()
    thread.join()
    return lags
