"""Peak memory of a process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of `ru_maxrss`
MEGABYTE = 1e6


def peak_megabytes() -> float:
    """
    Peak resident megabytes of this process since it began.

    A process's `ru_maxrss` begins at what its parent holds when starting it, so Linux is asked for its own.
    """
    if STATUS.exists():
        status = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(status["VmHWM"].split()[0]) * 1024 / MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES / MEGABYTE
