"""Guards without which the program does the same, each with the reason. Prefer to take such a guard out."""

from __future__ import annotations

from collections.abc import Mapping

EQUIVALENT: Mapping[str, str] = {
    "workers/debts.py remind: time.monotonic() < until → time.monotonic() <= until": (
        "the monotonic clock would have to stand still at the nanosecond in which the beat ends"
    ),
}
"""A case's name → why no test can notice; a test holds it against what is found."""
