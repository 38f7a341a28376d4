"""Seconds and memory of all three checks over ten million rows, also relative to hand-written SQL."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.checks.lake import ROWS, make, slices
from benchmarks.table import Row, Rows, machine, show

ROUNDS = 5
MOST_SECONDS, MOST_MEGABYTES, MOST_RATIO = 60.0, 2_000.0, 1.5
ALL, AGGREGATION = "three checks", "slice counts"
BY_HAND = {ALL: "three by hand", AGGREGATION: "slice counts by hand"}
TOGETHER = (ALL, BY_HAND[ALL], AGGREGATION, BY_HAND[AGGREGATION])


@dataclass(frozen=True)
class Measured:
    """What a child reports about itself; `processor` in seconds, `megabytes` is its peak resident size."""

    seconds: float
    processor: float
    megabytes: float
    found: int


def measured(what: str, folder: Path) -> Measured:
    """One piece of work in a fresh process; imports count towards its memory, not its seconds."""
    command = [sys.executable, "-m", "benchmarks.checks.child", what, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{what}: {done.stderr}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


Round = dict[str, Measured]


def one_round(folder: Path) -> Round:
    """Everything once, in turn, so that figures to be compared are measured right after each other."""
    found = {what: measured(what, folder) for what in TOGETHER}
    if not found[ALL].found:
        raise RuntimeError("the slice that fell was not found: something else than the checks was measured")
    if found[AGGREGATION].found != found[BY_HAND[AGGREGATION]].found:
        raise RuntimeError("the SQL written by hand does not count the same")
    return found


def bounds(rows: Rows, rounds: list[Round]) -> list[Row]:
    """How long it takes, and how much memory."""
    lake = f"{ROWS // 1_000_000} million rows of Parquet, {slices():,} slices, 672 hours"
    seconds, hand = ([one[what].seconds for one in rounds] for what in (ALL, BY_HAND[ALL]))
    most, by_hand = (max(one[what].megabytes for one in rounds) for what in (ALL, BY_HAND[ALL]))
    beside = f"their aggregations in DuckDB SQL by hand, into pandas: {median(hand):.1f} s, {by_hand:.0f} MB"
    return [
        rows.below(
            f"all three checks over {lake}, median of {len(rounds)}",
            median(seconds),
            "s",
            MOST_SECONDS,
            beside,
        ),
        rows.below("peak resident memory of their process, worst", most, "MB", MOST_MEGABYTES, beside),
    ]


def proportions(rows: Rows, rounds: list[Round], what: str, work: str) -> list[Row]:
    """`what` against the same by hand, in elapsed and in processor time, which other load disturbs less."""
    pairs = [(one[what], one[BY_HAND[what]]) for one in rounds]
    clock = [ours.seconds / hand.seconds for ours, hand in pairs]
    processor = [ours.processor / hand.processor for ours, hand in pairs]
    said = f"{work} ÷ GROUPING SETS by hand, median of {len(pairs)} pairs"
    seconds = f"by hand {median(hand.seconds for _, hand in pairs):.1f} s"
    spent = f"by hand {median(hand.processor for _, hand in pairs):.1f} s of processor"
    return [
        rows.below(f"{said}, wall time", median(clock), "×", MOST_RATIO, f"{seconds}; {_span(clock)}"),
        rows.below(
            f"{said}, processor time", median(processor), "×", MOST_RATIO, f"{spent}; {_span(processor)}"
        ),
    ]


def _span(ratios: list[float]) -> str:
    return f"pairs from {min(ratios):.2f} to {max(ratios):.2f} ×"


def main() -> None:
    rows = Rows(machine())
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as made:
        folder = Path(made)
        make(folder)
        rounds = [one_round(folder) for _ in range(ROUNDS)]
    show(
        "checks",
        [
            *bounds(rows, rounds),
            *proportions(rows, rounds, AGGREGATION, "the slice check's aggregation"),
            *proportions(rows, rounds, ALL, "all three checks, judging included,"),
        ],
    )


if __name__ == "__main__":
    main()
