"""One measurement in a process of its own: `python -m benchmarks.checks.child WHAT FOLDER` prints JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.checks import by_hand
from benchmarks.checks.lake import END, VALUES, declared
from benchmarks.memory import peak_megabytes
from workers.checks.plan import plan
from workers.checks.run import run_checks
from workers.sources.aggregate.count import count_windows


def three_checks(folder: Path) -> int:
    """Run one look by all three checks; returns how many findings it gave."""
    result = run_checks(declared(folder), END)
    if result.notes:
        raise RuntimeError(f"a check did not judge: {result.notes}")
    return len(result.findings)


def slice_counts(folder: Path) -> int:
    """Run the slice check's aggregation alone; returns how many counts came back."""
    lake = declared(folder)
    planned = plan(lake, lake.checks["slice_volume"])
    grid = planned.grid(END)
    return len(count_windows(lake, "impressions", grid, dimensions=tuple(VALUES)))


WORK: dict[str, Callable[[Path], int]] = {
    "three checks": three_checks,
    "slice counts": slice_counts,
    "three by hand": by_hand.all_counts,
    "slice counts by hand": lambda folder: len(by_hand.slice_counts(folder)),
}


def main() -> None:
    what, folder = sys.argv[1:]
    begun, spent = time.perf_counter(), time.process_time()
    found = WORK[what](Path(folder))
    seconds, processor = time.perf_counter() - begun, time.process_time() - spent
    measured = {"seconds": seconds, "processor": processor, "megabytes": peak_megabytes(), "found": found}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
