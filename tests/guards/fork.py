"""Work done in forks of this process, a few at a time: they know all that was imported and spoil nothing."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Task:
    """`work` is done in the fork; what it returns is pickled. `about` stays here."""

    about: Any
    work: Callable[[], Any]
    most_seconds: float


@dataclass(frozen=True)
class Ended:
    """
    What became of a task: its `answer`, or why there is none.

    `gone`: the fork ended without a word, or was ended because its time was over.
    `trouble`: the work raised, which it is not meant to; a traceback.
    """

    about: Any
    answer: Any = None
    gone: str | None = None
    trouble: str | None = None


def in_forks(tasks: Iterable[Task], jobs: int) -> Iterator[Ended]:
    """Each task in a fork of its own, `jobs` at a time, as they end."""
    folder = Path(tempfile.mkdtemp(prefix="guards-"))
    waiting, running = iter(tasks), list[_Fork]()
    try:
        while True:
            while len(running) < jobs and (task := next(waiting, None)) is not None:
                running.append(_Fork(task, folder))
            if not running:
                return
            ended = [fork for fork in running if fork.over()]
            for fork in ended:
                running.remove(fork)
                yield fork.answer()
            if not ended:
                time.sleep(POLL_SECONDS)
    finally:
        for fork in running:
            fork.kill()
        shutil.rmtree(folder, ignore_errors=True)


class _Fork:
    def __init__(self, task: Task, folder: Path) -> None:
        self._task = task
        self._until = time.monotonic() + task.most_seconds
        self._hangs = False
        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle)
        self._file = Path(name)
        self._process = os.fork()
        if self._process == 0:
            _child(task, self._file)

    def over(self) -> bool:
        if time.monotonic() > self._until:
            self._hangs = True
            self.kill()
            return True
        return os.waitpid(self._process, os.WNOHANG)[0] != 0

    def kill(self) -> None:
        """With the processes that its tests started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._process, 0)

    def answer(self) -> Ended:
        about, written = self._task.about, self._file.read_bytes()
        self._file.unlink()
        if self._hangs:
            return Ended(about, gone=f"was not done after {self._task.most_seconds:.0f} s")
        if not written:
            return Ended(about, gone="the process ended in the middle of a test")
        answer, trouble = pickle.loads(written)
        return Ended(about, answer, trouble=trouble)


def _child(task: Task, file: Path) -> None:
    """Never returns: what was begun before the fork is its parent's to end."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        outcome: tuple[Any, str | None]
        try:
            outcome = task.work(), None
        except BaseException:  # noqa: BLE001 - whatever it was, the parent says it
            outcome = None, traceback.format_exc()
        file.write_bytes(pickle.dumps(outcome))
    finally:
        os._exit(0)
