"""
Five minutes of the store, then one of a plain table followed by its identity column, which must miss some.

The short version is `tests/workers/store/test_gap.py`.
"""

from __future__ import annotations

import sys

from benchmarks.gap.race import WRITERS, Outcome, race
from benchmarks.store.ours import Ours
from benchmarks.store.server import server
from benchmarks.table import Rows, machine, show

STORE_SECONDS, IDENTITY_SECONDS = 300.0, 60.0


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else STORE_SECONDS
    rows = Rows(machine())
    with server() as one:
        url = one.database("gap", Ours)
        store = race("store", url, seconds)
        plain = race("identity", url, min(seconds, IDENTITY_SECONDS))
    beside = f"by identity column: {_missed(plain)}"
    what = f"of {store.events:,} events, {WRITERS} writers that linger, {store.killed} of them killed"
    show(
        "gap",
        [
            rows.below(f"missed by a follower in {seconds:.0f} s, {what}", store.missed, "events", 0, beside),
            rows.below("seen twice by it", store.twice, "events", 0),
        ],
        keep=seconds >= STORE_SECONDS,
    )


def _missed(outcome: Outcome) -> str:
    return f"{outcome.missed:,} of {outcome.events:,} ({outcome.missed / outcome.events:.1%})"


if __name__ == "__main__":
    main()
