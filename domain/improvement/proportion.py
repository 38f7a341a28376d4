"""How often something holds, and whether it holds more often than before. Imports no scientific library."""

from __future__ import annotations

from collections.abc import Iterable
from math import hypot, sqrt
from statistics import NormalDist

from domain.scored import Counted
from domain.values import Estimate

CONFIDENCE = 0.9


def counted(said: Iterable[bool], basis: str) -> Counted:
    """How many of these are true, with the share."""
    every = list(said)
    held, of = sum(every), len(every)
    return Counted(held=held, of=of, share=share_of(held, of, basis) if of else None)


def share_of(held: int, of: int, basis: str, confidence: float = CONFIDENCE) -> Estimate:
    """
    The share with its interval, which never has width zero.

    Args:
        of: above 0.
    """
    low, high = wilson(held, of, confidence)
    return Estimate(value=held / of, low=low, high=high, unit="share", confidence=confidence, basis=basis)


def wilson(held: int, of: int, confidence: float) -> tuple[float, float]:
    """
    The interval of a share.

    Source:
        Wilson (1927), J. Am. Stat. Assoc. 22.
    """
    share, z = held / of, NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    reach = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def more_than_before(before: Counted, now: Counted, confidence: float = CONFIDENCE) -> Estimate | None:
    """
    How much larger the share is now (below 0: smaller); None where there were no cases then or are none now.

    Source:
        Newcombe (1998), Stat. Med. 17, method 10: the difference between independent proportions.
    """
    if not before.of or not now.of:
        return None
    first, last = before.held / before.of, now.held / now.of
    (below, above), (under, over) = (wilson(one.held, one.of, confidence) for one in (before, now))
    change = last - first
    return Estimate(
        value=change,
        low=change - hypot(last - under, above - first),
        high=change + hypot(over - last, first - below),
        unit="share",
        confidence=confidence,
        basis=f"{now.held} of {now.of} beside {before.held} of {before.of} before",
    )
