"""
The only place that asks for the time, so that everything else can be given it.

It is PostgreSQL's time: order and deadlines are in the log, and every process has to agree on them.
The database's last answer is carried on by a clock that nobody can set (`CLOCK_BOOTTIME`, which also runs
while a machine sleeps), so reading the time needs no query: a process's wall clock may be wrong or be set,
and nothing is decided by it. It serves only until the database was asked for the first time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

AGREED_SECONDS = 60.0
"""How long the two clocks are assumed to agree; then the next user of a pooled connection asks again."""

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
    """Seconds on the clock that nobody can set; only differences are meaningful."""
    return time.clock_gettime(_STEADY)


def agree(at: datetime, asked: float) -> None:
    """Record that the database answered `at` to a question asked at `asked` (`steady`)."""
    global _agreed  # noqa: PLW0603 - process-wide knowledge, just as the wall clock is one per process
    answered = steady()
    _agreed = _Agreed(at.astimezone(UTC), (asked + answered) / 2)


def stale() -> bool:
    """Whether the database has to be asked again."""
    return _agreed is None or steady() - _agreed.steady > AGREED_SECONDS
