"""
Ends the processes of a `recsysops up` that was killed: nothing it started outlives it.

`up` holds a pipe to one process of this file. Each process it starts first writes its own number there, and
only then becomes what it is to be, so there is none that the reaper does not know. The pipe ends with `up`,
however that ends; the reaper then kills what is left, whole groups, as Celery's children are in their
parent's. On Linux the kernel ends them as well, in case the reaper was killed before.

Run as a file and with the standard library alone: it is started before each process, and stays small.

    python reaper.py run PIPE PARENT COMMAND    becomes `sh -c COMMAND`, known to the reaper
    python reaper.py watch [COMMAND …]          reads the pipe from its stdin; COMMAND clears up after `up`
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress

OVER = "over"
"""The last line of an `up` that has stopped everything itself."""

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def become(pipe: int, parent: int, command: str) -> None:
    """Known to the reaper and dying with `parent`, become the command."""
    with suppress(BrokenPipeError):  # the reaper was killed; the next one is told by `up`
        os.write(pipe, b"+%d\n" % os.getpid())
    os.close(pipe)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be said so
        os.kill(os.getpid(), signal.SIGKILL)
    os.execv("/bin/sh", ["sh", "-c", command])  # noqa: S606 - a command of ours


def watch(lines: Iterable[str]) -> set[int]:
    """The groups (`+7` began, `-7` ended) that are left when the pipe ends; none after `over`."""
    left: set[int] = set()
    for line in map(str.strip, lines):
        if line == OVER:
            return set()
        if line.startswith("+"):
            left.add(int(line[1:]))
        elif line.startswith("-"):
            left.discard(int(line[1:]))
    return left


def end_group(group: int, with_signal: int = signal.SIGKILL) -> None:
    """Send a signal to all processes of a group; nothing where none is left."""
    # macOS says EPERM where only those are left that have ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, with_signal)


def _main(arguments: list[str]) -> None:
    if arguments[0] == "run":
        become(int(arguments[1]), int(arguments[2]), arguments[3])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends with the pipe
    over = False

    def lines() -> Iterable[str]:
        nonlocal over
        for line in sys.stdin:
            over = line.strip() == OVER
            yield line

    for group in watch(lines()):
        end_group(group)
    if not over and arguments[1:]:
        os.execv(arguments[1], arguments[1:])  # noqa: S606 - a command of ours


if __name__ == "__main__":
    _main(sys.argv[1:])
