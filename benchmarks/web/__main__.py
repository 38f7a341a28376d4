"""Modules loaded, time to the first answer and memory of the web process, beside a bare Bolt application."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import psutil

from benchmarks.stack import WEB, free_ports, running, stack, wait_until_healthy
from benchmarks.table import Rows, machine, show

SCIENCE = ("pandas", "numpy", "scipy", "sklearn", "shap", "duckdb", "ibis", "matplotlib")
BARE = ("benchmarks.web.bare",)
STARTS = 5
MOST_SECONDS, MOST_MEGABYTES = 2.0, 150.0


def loaded_by(module: str) -> list[str]:
    """The science packages that an import loads, in an interpreter of its own."""
    program = f"import sys, {module}; print(*[m for m in {SCIENCE!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def started(module: Sequence[str], environment: Mapping[str, str], log: Path) -> tuple[float, float]:
    """Seconds from the start of the process to its first /health, and its resident megabytes then."""
    port = free_ports(1)[0]
    begun = time.perf_counter()
    with running(module, {**environment, "PORT": str(port)}, log) as process:
        wait_until_healthy(f"http://127.0.0.1:{port}/health", process)
        seconds = time.perf_counter() - begun
        return seconds, psutil.Process(process.pid).memory_info().rss / 1e6


def main() -> None:
    rows = Rows(machine())
    modules = {module: loaded_by(module) for module in ("bot", "bot.slack.app")}
    with stack() as real:
        ours, bare = [], []
        for _ in range(STARTS):  # in turn, so that a busy moment hits both
            ours.append(started(WEB, real.environment, real.log))
            bare.append(started(BARE, os.environ, real.log))
    seconds, megabytes = (median(one[place] for one in ours) for place in (0, 1))
    bare_seconds, bare_megabytes = (median(one[place] for one in bare) for place in (0, 1))
    peer = "bare Bolt under Starlette"
    show(
        "web",
        [
            *(
                rows.below(f"science packages loaded by `import {module}`", len(found), "packages", 0)
                for module, found in modules.items()
            ),
            rows.below(
                f"web process to its first /health, median of {STARTS}",
                seconds,
                "s",
                MOST_SECONDS,
                f"{peer}: {bare_seconds:.2f} s",
            ),
            rows.without_goal(
                "time to the first /health, in proportion", seconds / bare_seconds, "× bare", peer
            ),
            rows.below(
                "its resident memory then",
                megabytes,
                "MB",
                MOST_MEGABYTES,
                f"{peer}: {bare_megabytes:.0f} MB",
            ),
            rows.without_goal("resident memory, in proportion", megabytes / bare_megabytes, "× bare", peer),
        ],
    )


if __name__ == "__main__":
    main()
