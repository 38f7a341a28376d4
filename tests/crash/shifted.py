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


def follow(file: Path) -> None:
    """Keep this process's wall clock by the file, also in processes that it forks."""
    began, ahead, set_to = time.time() - time.monotonic(), 0.0, None
    while True:
        asked = float(file.read_text() or 0) if file.exists() else 0.0
        if asked != ahead:
            if set_to is not None:
                set_to.stop()
            set_to = time_machine.travel(began + time.monotonic() + asked, tick=True) if asked else None
            if set_to is not None:
                set_to.start()
            ahead = asked
        time.sleep(LOOK_SECONDS)


def main() -> None:
    file, module = Path(sys.argv[1]), sys.argv[2]

    def begin() -> None:
        threading.Thread(target=follow, args=(file,), daemon=True).start()

    begin()
    os.register_at_fork(after_in_child=begin)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
