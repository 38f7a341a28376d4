"""
Ends the processes of a `recsysops up` that was killed: nothing it started outlives it.

`up` holds a pipe to one process of this file. Each process it starts first writes its own pid there, and
only then becomes the command, so the reaper knows every one. The pipe ends with `up`, however that ends; the
reaper then kills what is left, whole groups, since Celery's children are in their parent's group. On Linux
the kernel ends them as well, in case the reaper was killed first.

Run as a file with only the standard library: it is started before each process, and stays small.

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
"""The last line from an `up` that has stopped everything itself."""

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def become(pipe: int, parent: int, command: str) -> None:
    """Register with the reaper, die with `parent`, and become the command."""
    with suppress(BrokenPipeError):  # the reaper was killed; `up` tells the next one
        os.write(pipe, b"+%d\n" % os.getpid())
    os.close(pipe)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before this process could say so
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
    """Send a signal to all processes of a group; does nothing if none is left."""
    # macOS reports EPERM if only processes that have ended are left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, with_signal)


def _main(arguments: list[str]) -> None:
    if arguments[0] == "run":
        become(int(arguments[1]), int(arguments[2]), arguments[3])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the reaper ends with the pipe
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
