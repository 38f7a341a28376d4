"""Seconds and memory of all three checks over ten million rows, and in proportion to SQL written by hand."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.checks.lake import ROWS, make, slices
from benchmarks.table import Rows, machine, show

ROUNDS = 3
MOST_SECONDS, MOST_MEGABYTES, MOST_RATIO = 60.0, 2_000.0, 1.5
TOGETHER = ("three checks", "slice counts", "slice counts by hand", "three by hand")


@dataclass(frozen=True)
class Measured:
    """What a child said of itself; `processor` in seconds, `megabytes` is its greatest resident size."""

    seconds: float
    processor: float
    megabytes: float
    found: int


def measured(what: str, folder: Path) -> Measured:
    """One piece of work in a fresh process, imports not counted in its seconds but in its memory."""
    command = [sys.executable, "-m", "benchmarks.checks.child", what, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{what}: {done.stderr}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    rows = Rows(machine())
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as made:
        folder = Path(made)
        make(folder)
        # In turn, so that a busy moment hits all of them.
        rounds = [{what: measured(what, folder) for what in TOGETHER} for _ in range(ROUNDS)]
    if not all(one["three checks"].found for one in rounds):
        raise RuntimeError("the slice that fell was not found: something else than the checks was measured")
    if rounds[0]["slice counts"].found != rounds[0]["slice counts by hand"].found:
        raise RuntimeError("the SQL written by hand does not count the same")
    seconds = {what: median(one[what].seconds for one in rounds) for what in TOGETHER}
    processor = {what: median(one[what].processor for one in rounds) for what in TOGETHER}
    megabytes = {what: max(one[what].megabytes for one in rounds) for what in TOGETHER}
    lake = f"{ROWS // 1_000_000} million rows of Parquet, {slices():,} slices, 672 hours"
    by_hand = "DuckDB SQL with GROUPING SETS, into pandas"
    hand = {what: f"{by_hand}: {seconds[what]:.2f} s, {megabytes[what]:.0f} MB" for what in TOGETHER}
    show(
        "checks",
        [
            rows.below(
                f"all three checks over {lake}, median of {ROUNDS}",
                seconds["three checks"],
                "s",
                MOST_SECONDS,
                hand["three by hand"],
            ),
            rows.below(
                "peak resident memory of their process, worst",
                megabytes["three checks"],
                "MB",
                MOST_MEGABYTES,
                hand["three by hand"],
            ),
            rows.below(
                "the slice check's aggregation in proportion",
                seconds["slice counts"] / seconds["slice counts by hand"],
                "× by hand",
                MOST_RATIO,
                hand["slice counts by hand"],
            ),
            rows.below(
                "all three checks, judging included, in proportion to their three aggregations",
                seconds["three checks"] / seconds["three by hand"],
                "× by hand",
                MOST_RATIO,
                hand["three by hand"],
            ),
            rows.told(
                "all three checks, in seconds of processor, which strangers disturb less",
                processor["three checks"] / processor["three by hand"],
                "× by hand",
                f"{by_hand}: {processor['three by hand']:.1f} s of processor",
            ),
            rows.told(
                "the slice check's aggregation, in seconds of processor",
                processor["slice counts"] / processor["slice counts by hand"],
                "× by hand",
                f"{by_hand}: {processor['slice counts by hand']:.1f} s of processor",
            ),
        ],
    )


if __name__ == "__main__":
    main()
