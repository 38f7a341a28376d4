"""
The one place that asks what time it is, so that everything else can be given the time.

It is PostgreSQL's time: order and deadlines are in the log, and every process has to mean the same by them.
What the database said last is carried on by a clock that nobody can set (`CLOCK_BOOTTIME`, which also runs
while a machine sleeps), so that no question is asked for it: the wall clock of a process may be wrong, or be
set forward and back, and nothing is decided by it. Until the database was asked, it is all there is.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

AGREED_SECONDS = 60.0
"""For so long the two clocks go on alike; then whoever uses a connection of the pool asks again."""

_STEADY: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class _Agreed(NamedTuple):
    at: datetime
    steady: float


_agreed: _Agreed | None = None


def now() -> datetime:
    """The present moment, aware, in UTC."""
    known = _agreed
    if known is None:
        return datetime.now(UTC)
    return known.at + timedelta(seconds=steady() - known.steady)


def steady() -> float:
    """Seconds of the clock that nobody can set; only differences mean something."""
    return time.clock_gettime(_STEADY)


def agree(at: datetime, asked: float) -> None:
    """The database said that it is `at`, to a question that was asked at `asked` (`steady`)."""
    global _agreed  # noqa: PLW0603 - what the process knows, as a wall clock is one of the process too
    answered = steady()
    _agreed = _Agreed(at.astimezone(UTC), (asked + answered) / 2)


def stale() -> bool:
    """Whether the database has to be asked again."""
    return _agreed is None or steady() - _agreed.steady > AGREED_SECONDS
