"""What a rehearsal shows: the menu's promise against what the hotfix really repairs of a known fault."""

from __future__ import annotations

from math import nextafter

from domain.incident.events import Verdict
from domain.incident.outcome import held, miss, promised
from domain.values import Estimate

LEAST_REPAIRED = 0.05
"""Share of the planted fault below which nothing counts as repaired."""


def missed_by(promise: Estimate, repaired: float) -> float | None:
    """
    How many of its half-widths the promise would have had to extend; None where it has no interval.

    What is repaired of a planted fault is known exactly, even where it is all of it or more.

    >>> promise = Estimate(value=130.0, low=120.0, high=140.0, unit="%", basis="replay")
    >>> missed_by(promise, 1.0), missed_by(promise, 1.3)
    (-3.0, 0.0)
    """
    known = promised(promise)
    if known is None:
        return None
    share = repaired if repaired != 1.0 else nextafter(1.0, 0.0)
    return miss(known, share, share, share, promise.confidence)


def verdict_of(promise: Estimate, repaired: float) -> tuple[Verdict, str]:
    """The verdict, and the reason in words."""
    if repaired < LEAST_REPAIRED:
        does = "nothing" if repaired > -LEAST_REPAIRED else f"less than nothing ({100 * repaired:.0f} %)"
        return "nothing", f"in force, it repairs {does} of the fault"
    missed = missed_by(promise, repaired)
    if missed is None:
        return (
            "impossible",
            f"it repairs {100 * repaired:.0f} % of the fault, and no number is promised: {promise.basis}",
        )
    if held(missed):
        return "repairs", f"{100 * repaired:.0f} % of the fault, as promised"
    side = "less" if missed < 0 else "more"
    return "misses", f"{100 * repaired:.0f} % of the fault, {side} than promised"
