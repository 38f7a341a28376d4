"""
The folder of a running `recsysops up`: one run at a time, and what a killed one left in it is cleared away.

The lock belongs to the kernel and is dropped with its holder. The file's content says who holds it; if it
names somebody but nobody holds the lock, that `up` was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psutil

from bot.up.reaper import end_group
from domain.errors import ConfigurationError
from workers import door

LOCK = "up.lock"
CLEARED_SECONDS = 60.0
"""How long another process may take to clear up after a killed `up`."""

ENDED_SECONDS = 10.0
AGAIN_SECONDS = 0.1

Say = Callable[[str], None]


class Folder:
    """A folder that is ours while the block of `occupied` runs."""

    def __init__(self, held: IO[str]) -> None:
        self._held = held
        self._own = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        self.note({})

    def note(self, processes: Mapping[str, int]) -> None:
        """Write down which processes run (name → pid), for the next run after a kill."""
        began = {name: [pid, _began(pid)] for name, pid in processes.items()}
        _write(self._held, json.dumps({**self._own, "processes": began}))


@contextmanager
def occupied(var: Path, say: Say) -> Iterator[Folder]:
    """
    The folder, held exclusively while the block runs.

    Raises:
        ConfigurationError: another `recsysops up` is using it; nothing was touched.
    """
    with (var / LOCK).open("a+", encoding="utf-8") as held:
        _lock(held, var)
        if left := _read(held):
            _clear_away(left, var, say)
        try:
            yield Folder(held)
        finally:  # also where it could not start: only a kill leaves a name behind
            _write(held, "")


def clear_up(var: Path) -> None:
    """After a killed `up`: stop its servers and remove its variables; not if the next one is running."""
    with (var / LOCK).open("a+", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # the next one has taken them over
        door.forget_variables(var)
        door.stop_embedded(var)


def _lock(held: IO[str], var: Path) -> None:
    until = time.monotonic() + CLEARED_SECONDS
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = _read(held)
            pid = int(other.get("pid", 0))
            # Held, but not by the process it names: another one is clearing up after that.
            if time.monotonic() < until and not _runs(pid):
                time.sleep(AGAIN_SECONDS)
                continue
            raise ConfigurationError(
                f"`recsysops up` runs on {var} already (process {pid}, since {other.get('since')}); end that "
                f"one (Ctrl-C there, or `kill {pid}`), or name another folder in RECSYSOPS_VAR."
            ) from None
        return


def _clear_away(left: Mapping[str, Any], var: Path, say: Say) -> None:
    still: list[tuple[str, psutil.Process]] = []
    for name, (pid, began) in left.get("processes", {}).items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.create_time() == began and process.status() != psutil.STATUS_ZOMBIE:
                still.append((name, process))
    for _, process in still:
        end_group(process.pid, signal.SIGKILL)
    psutil.wait_procs([process for _, process in still], timeout=ENDED_SECONDS)
    ended = ", ".join(f"{name} (process {process.pid})" for name, process in still)
    processes = f"cleared away: {ended}" if still else "its processes ended with it"
    servers = "; PostgreSQL and Valkey that it left are taken over" if door.left_embedded(var) else ""
    say(f"The `recsysops up` before this one (process {left.get('pid')}) was killed; {processes}{servers}.")


def _read(held: IO[str]) -> dict[str, Any]:
    held.seek(0)
    try:
        return dict(json.loads(held.read() or "{}"))
    except ValueError:
        return {}  # it is being written right now


def _write(held: IO[str], text: str) -> None:
    held.seek(0)
    held.truncate()
    held.write(text)
    held.flush()


def _runs(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return pid > 0 and bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def _began(pid: int) -> float | None:
    with suppress(psutil.NoSuchProcess):
        return float(psutil.Process(pid).create_time())
    return None


if __name__ == "__main__":
    clear_up(Path(sys.argv[1]))
