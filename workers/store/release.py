"""
One release at a time: each process looks once at its start whether the store is this release's, and again
every few seconds, as a later release may be rolled out beside it.

A process that the store has gone ahead of says so and ends: its statements name columns and functions that
may be gone, and what it would keep beside the log, cards for instance, the later release reads. What it wrote
in the seconds before it noticed stays readable: events are, in every later release, and a card of another
shape is made again from its events. Whoever supervises it starts what is installed now.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

import psycopg
import structlog

from domain.errors import ConfigurationError
from workers.environment.settings import Settings, settings
from workers.store.connection import role_of
from workers.store.fit import Unfit, newest, unfit

LOOK_SECONDS = 10.0
UNFIT_CODE = 2
"""How a process ends that does not fit: as one that is wrongly configured."""

_log = structlog.get_logger(__name__)


def require_fit(named: Settings | None = None) -> None:
    """
    Refuse to work on a store that is older or newer than this release, or another program's.

    One that does not answer now is no reason not to begin: it is looked at again when it does.

    Raises:
        ConfigurationError: says why, and what to run.
    """
    given = named or settings()
    try:
        found = _look(given)
    except psycopg.OperationalError:
        return  # whatever needs the store now says so itself
    if found is not None:
        raise ConfigurationError(str(found))


def _look(named: Settings) -> Unfit | None:
    return unfit(named.database(), role_of(named.workspace))


class Watch:
    """
    Looks at the store for as long as the process lives, and ends it where it fits no longer; `code` is what
    the process then ends with, and 0 until then.
    """

    def __init__(self, end: Callable[[], None], named: Settings, look_seconds: float = LOOK_SECONDS) -> None:
        self.code = 0
        self._end = end
        self._named = named
        self._seconds = look_seconds
        self._stop = threading.Event()

    def begin(self) -> None:
        """Look beside whatever else this process does."""
        _log.info("release_watched", wants=newest())
        threading.Thread(target=self._run, name="release", daemon=True).start()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                found = _look(self._named)
            except psycopg.OperationalError:
                continue  # away; whoever needs it says so
            except Exception:  # noqa: BLE001 - whatever kept it from looking is no reason to end
                _log.exception("release_not_looked_at")
                continue
            if found is not None:
                sys.stderr.write(f"{found} This process ends.\n")
                sys.stderr.flush()
                self.code = UNFIT_CODE
                self._end()
                return


def watch(end: Callable[[], None] | None = None) -> Watch:
    """
    Require that the store fits, and go on looking.

    Args:
        end: how this process is told to end; by SIGTERM if not given.

    Raises:
        ConfigurationError: it does not fit now.
    """
    named = settings()
    require_fit(named)
    made = Watch(end or _terminate, named)
    made.begin()
    return made


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
