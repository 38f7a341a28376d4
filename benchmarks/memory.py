"""How much memory a process took at most."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
BYTES = 1 if sys.platform == "darwin" else 1024  # that `ru_maxrss` counts in
MEGABYTE = 1e6


def peak_megabytes() -> float:
    """
    Of this process, since it began.

    `ru_maxrss` of a process begins at what its parent holds as it starts it, so Linux is asked for its own.
    """
    if STATUS.exists():
        status = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(status["VmHWM"].split()[0]) * 1024 / MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES / MEGABYTE
