"""How long something takes: the median with its interval, and whether it is longer than before."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import accumulate
from math import comb, exp, log
from statistics import NormalDist, median, quantiles

from domain.scored import Spread
from domain.values import Estimate

CONFIDENCE, SURE = 0.9, 0.99
"""Confidence of intervals shown, and of a stated change: stricter, as a dozen are looked at together."""

LEAST_SECONDS = 1.0
"""Shorter times are compared as if they took this long: a ratio needs a time that is not zero."""


def spread_of(spans: Iterable[timedelta | None]) -> Spread:
    """The spread of the spans that are known."""
    known = sorted(span for span in spans if span is not None)
    if not known:
        return Spread(count=0)
    low, high = _interval(known)
    quarter, three = _middle_half([span.total_seconds() for span in known])
    return Spread(
        count=len(known),
        mean=sum(known, timedelta(0)) / len(known),
        median=middle(known),
        low=low,
        high=high,
        quarter=quarter,
        three_quarters=three,
    )


def _middle_half(seconds: Sequence[float]) -> tuple[timedelta, timedelta]:
    every = seconds if len(seconds) > 1 else [*seconds, *seconds]
    quarter, _, three = quantiles(every, n=4, method="inclusive")
    return timedelta(seconds=quarter), timedelta(seconds=three)


def middle(spans: Iterable[timedelta | None]) -> timedelta | None:
    """The median of the spans that are known; None without any."""
    known = sorted(span for span in spans if span is not None)
    return (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2 if known else None


def _interval(ordered: Sequence[timedelta]) -> tuple[timedelta | None, timedelta | None]:
    """
    The interval of the median, whatever the distribution of times; None where even the shortest and longest
    do not enclose it nine times in ten.

    Source:
        Thompson (1936), On confidence ranges for the median, Ann. Math. Stat. 7.
    """
    count, below = len(ordered), _tail(CONFIDENCE) * 2 ** len(ordered)
    place = bisect_right(list(accumulate(comb(count, so) for so in range(count + 1))), below)
    return (ordered[place - 1], ordered[-place]) if place else (None, None)


def _tail(confidence: float) -> Fraction:
    """The probability on either side of an interval, as an exact fraction: one arrangement can decide."""
    return (1 - Fraction(str(confidence))) / 2


def times_as_long(
    before: Iterable[timedelta], now: Iterable[timedelta], confidence: float = CONFIDENCE
) -> Estimate | None:
    """
    How many times as long it takes as before, as a ratio with its interval; None where there are too few
    times of either kind for one.

    Source:
        Hodges, Lehmann (1963), Ann. Math. Stat. 34; the interval by the distribution of Mann and Whitney's U.
    """
    first, last = ([log(max(one.total_seconds(), LEAST_SECONDS)) for one in of] for of in (before, now))
    outside = _outside(len(first), len(last), _tail(confidence))
    if outside is None:
        return None
    shifts = sorted(late - early for late in last for early in first)
    return Estimate(
        value=exp(median(shifts)),
        low=exp(shifts[outside]),
        high=exp(shifts[-1 - outside]),
        unit="times as long",
        confidence=confidence,
        basis=f"{len(last)} times beside {len(first)} before",
    )


MOST_PAIRS = 2_500
"""Up to this many pairs are counted exactly; beyond that the distribution is nearly normal."""


def _outside(before: int, now: int, tail: Fraction) -> int | None:
    """How many of the sorted shifts lie below the interval; None where there is none."""
    pairs = before * now
    if pairs == 0 or comb(before + now, now) * tail < 1:
        return None
    if pairs > MOST_PAIRS:
        spread = (pairs * (before + now + 1) / 12) ** 0.5
        return max(int(pairs / 2 + NormalDist().inv_cdf(float(tail)) * spread), 0)
    below = list(accumulate(_arrangements(before, now)))
    return bisect_right(below, tail * comb(before + now, now)) - 1


def _arrangements(before: int, now: int) -> list[int]:
    """
    For each number of pairs in which the later time is the longer, how many orders of both kinds have it: the
    coefficients of the Gaussian binomial.
    """
    ways = [1] + [0] * (before * now)
    for place in range(1, now + 1):
        for up in range(len(ways) - 1, before + place - 1, -1):
            ways[up] -= ways[up - before - place]
        for up in range(place, len(ways)):
            ways[up] += ways[up - place]
    return ways
