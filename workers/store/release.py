"""
One release at a time: each process checks at its start whether the store is this release's, and again
every few seconds, because a later release may be rolled out next to it.

A process that the store has overtaken says so and ends: its statements name columns and functions that
may be gone, and the later release reads what it would store beside the log, cards for instance. What it wrote
in the seconds before it noticed stays readable: every later release can read events, and a card of another
shape is rebuilt from its events. The process supervisor then starts the release that is installed now.
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
"""Exit code of a process that does not fit: the same as for a wrong configuration."""

_log = structlog.get_logger(__name__)


def require_fit(named: Settings | None = None) -> None:
    """
    Refuse to work on a store that is older or newer than this release, or another program's.

    A store that does not answer now is no reason not to start: it is checked again once it does.

    Raises:
        ConfigurationError: says why, and what to run.
    """
    given = named or settings()
    try:
        found = _look(given)
    except psycopg.OperationalError:
        return  # whatever needs the store reports that itself
    if found is not None:
        raise ConfigurationError(str(found))


def _look(named: Settings) -> Unfit | None:
    return unfit(named.database(), role_of(named.workspace))


class Watch:
    """
    Checks the store for as long as the process lives, and ends the process once it no longer fits; `code` is
    the exit code to use then, and 0 until then.
    """

    def __init__(self, end: Callable[[], None], named: Settings, look_seconds: float = LOOK_SECONDS) -> None:
        self.code = 0
        self._end = end
        self._named = named
        self._seconds = look_seconds
        self._stop = threading.Event()

    def begin(self) -> None:
        """Check alongside whatever else this process does."""
        _log.info("release_watched", wants=newest())
        threading.Thread(target=self._run, name="release", daemon=True).start()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                found = _look(self._named)
            except psycopg.OperationalError:
                continue  # away; whatever needs it reports that
            except Exception:  # noqa: BLE001 - a failed check is no reason to end
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
    Require that the store fits, and keep checking.

    Args:
        end: how to make this process end; by default with SIGTERM.

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
