"""
The clock's process: `python -m workers.process.schedule`.

It only sends; whoever receives a job decides whether it is due.

A tick that finds no worker expires, but stays in the queue until somebody takes it; so while many are
waiting no more are sent. Two clocks at once do no harm: each job takes its own lock.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Signal

import psycopg
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import ConfigurationError
from domain.prediction.kind import LAUNCH_FORECAST
from domain.recommender.check import Check
from domain.recommender.practice.rehearsals import NEVER
from domain.recommender.recommender import Recommender
from workers.declaration.current import recommender
from workers.environment import clock
from workers.environment.broker import Broker
from workers.environment.settings import settings
from workers.store.connection import own, present
from workers.store.release import watch

REMIND_SECONDS = 2.0
PREDICT_SECONDS = 60.0
DETECT_SECONDS = 10.0
SCHEDULED_SECONDS = 60.0
WITNESS_SECONDS = 30.0
TICKETS_SECONDS = 10.0
PULL_REQUESTS_SECONDS = 600.0
REHEARSE_SECONDS = 60.0
REPLAY_SECONDS = 60.0
SCORECARD_SECONDS = 600.0
FASTEST_SECONDS = 1.0
MOST_WAITING = 20
"""How many jobs may wait in a queue before the clock stops adding more."""

_log = structlog.get_logger(__name__)


@dataclass
class Ticks:
    """Which job is due when. `every` maps a job to its seconds; all times are monotonic."""

    every: dict[str, float]
    _next: dict[str, float] = field(default_factory=dict)

    def due(self, now: float) -> list[str]:
        """The jobs to send now. After a pause each is sent once, not once for every missed tick."""
        jobs = [job for job in self.every if now >= self._next.get(job, now)]
        for job in jobs:
            self._next[job] = now + self.every[job]
        return jobs

    def seconds_to_next(self, now: float) -> float:
        """How long to sleep."""
        return max(0.05, min((self._next.get(job, now) for job in self.every), default=now + 1.0) - now)


def run(
    ticks: Ticks,
    send: Callable[..., bool],
    stop: Signal,
    waiting: Callable[[str], int] = lambda _job: 0,
    now: Callable[[], datetime] = clock.now,
) -> None:
    """
    Send what is due until `stop` is set.

    Args:
        waiting: how many jobs are waiting in the queue that this one would go to.
        now: the time from which lateness counts, by the clock of whoever takes the jobs.
    """
    held_back: set[str] = set()
    while not stop.is_set():
        for job in ticks.due(time.monotonic()):
            try:
                lie = waiting(job)
                if lie < MOST_WAITING:
                    send(job, late_after=now() + timedelta(seconds=max(5.0, 2 * ticks.every[job])))
            except Exception:  # noqa: BLE001 - whatever it was: all that is owed needs the clock's next beat
                _log.exception("tick_not_sent", job=job)
                continue
            if lie < MOST_WAITING:
                held_back.discard(job)
            elif job not in held_back:
                held_back.add(job)
                _log.warning("nobody_takes_jobs", job=job, waiting=lie, fix="start a worker")
        stop.wait(ticks.seconds_to_next(time.monotonic()))


def declared_ticks() -> Ticks:
    """How often each job is sent under the current declaration; if that is wrong, just the reminders."""
    try:
        declared = recommender()
    except ConfigurationError as error:
        _log.error("nothing_to_look_at", error=str(error))
        return Ticks({"recsysops.remind": REMIND_SECONDS})
    return Ticks({job: seconds for job, seconds in _seconds_of(declared).items() if seconds is not None})


def _seconds_of(declared: Recommender) -> dict[str, float | None]:
    """Job → its interval; None for one with nothing to do."""
    forecasts = [check for check in declared.checks.values() if check.kind == LAUNCH_FORECAST.name]
    ahead = _intervals(forecasts)
    witnesses = [witness.every.total_seconds() for witness in declared.witness.values()]
    rehearsed = declared.hotfixes and declared.rehearsals.schedule != NEVER
    by_pull_request = declared.follow_ups.apply == "pull_request"
    return {
        "recsysops.remind": REMIND_SECONDS,
        "recsysops.detect": _soonest(_looks(declared) or [DETECT_SECONDS]),
        "recsysops.predict": _soonest([PREDICT_SECONDS, *ahead]) if declared.launches else None,
        "recsysops.rehearse": REHEARSE_SECONDS if rehearsed else None,
        "recsysops.scorecard": SCORECARD_SECONDS,
        "recsysops.replay": REPLAY_SECONDS if declared.replays.schedule != NEVER else None,
        "recsysops.witness": _soonest([WITNESS_SECONDS, *witnesses]) if witnesses else None,
        "recsysops.tickets": TICKETS_SECONDS if declared.trackers else None,
        "recsysops.pull_requests": PULL_REQUESTS_SECONDS if by_pull_request else None,
    }


def _looks(declared: Recommender) -> list[float]:
    """The intervals at which tables and checks are to be looked at, in seconds."""
    looking = [check for check in declared.checks.values() if check.kind != LAUNCH_FORECAST.name]
    by_table = [table.looks_every.total_seconds() for table in declared.tables.values() if table.time]
    # What is due by the minute is not seen by a clock that goes by the day.
    scheduled = [SCHEDULED_SECONDS for check in declared.checks.values() if check.schedule]
    return [*by_table, *_intervals(looking), *scheduled]


def _intervals(checks: Iterable[Check]) -> list[float]:
    return [check.every.total_seconds() for check in checks if check.every]


def _soonest(seconds: Iterable[float]) -> float:
    return max(FASTEST_SECONDS, min(seconds))


def _by_the_database(log: Engine) -> datetime:
    try:
        return present(log)
    except (SQLAlchemyError, psycopg.Error) as error:
        _log.warning("time_not_asked", error=type(error).__name__)
        return clock.now()


def main() -> int:
    """Run the clock until it is told to stop."""
    stop = Signal()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        log, carrier = own(), Broker(settings().broker(), settings().broker_queue)
        release = watch()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    run(declared_ticks(), carrier.send, stop, carrier.waiting, partial(_by_the_database, log))
    return release.code


if __name__ == "__main__":
    raise SystemExit(main())
