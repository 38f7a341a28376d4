"""
A process of ours whose wall clock somebody sets: `python -m tests.crash.shifted FILE MODULE [ARGUMENT …]`

As many seconds as stand in FILE it is ahead of (or behind) the machine, from when they are written there on,
in all that asks for the time of day: `datetime`, `time.time`, and so Celery, kombu and the Slack library. The
clocks that nobody can set go on as they do when an administrator sets the other one.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time
from pathlib import Path

import time_machine

LOOK_SECONDS = 0.05


class Clock:
    """This process's wall clock, kept by `file`; a process that it forks goes on from where it stands."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._began, self._ahead = time.time() - time.monotonic(), 0.0
        self._set: time_machine.travel | None = None

    def begin(self) -> None:
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while True:
            asked = float(self._file.read_text() or 0) if self._file.exists() else 0.0
            if asked != self._ahead:
                self._set_to(asked)
            time.sleep(LOOK_SECONDS)

    def _set_to(self, ahead: float) -> None:
        if self._set is not None:
            self._set.stop()
            self._set = None
        if ahead:
            self._set = time_machine.travel(self._began + time.monotonic() + ahead, tick=True)
            self._set.start()
        self._ahead = ahead


def main() -> None:
    file, module = Path(sys.argv[1]), sys.argv[2]
    kept = Clock(file)
    kept.begin()
    os.register_at_fork(after_in_child=kept.begin)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
