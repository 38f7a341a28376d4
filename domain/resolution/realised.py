"""
What everybody chose once a hotfix was in force, against before: what its option promised for the whole.

    choices a request: before it · since   ─┐
    the same two spans of earlier days      ─┴▶ by how much it changed beyond the hour of the day
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

from scipy.stats import t as student

from domain.values import Estimate

LEAST_DAYS = 3
"""Earlier days; with fewer it is not known how much the hour of the day varies anyway."""

CONFIDENCE = 0.9
A_DAY = " a day"


class Chosen(NamedTuple):
    """What was chosen in one span of time, in the objective's unit, and from how many requests."""

    rewards: float
    requests: float

    @property
    def rate(self) -> float | None:
        """What is chosen per request; None where nothing was requested or chosen."""
        return self.rewards / self.requests if self.rewards > 0 and self.requests > 0 else None


Pair = tuple[Chosen, Chosen]
"""The span before a hotfix and the span since, or the same on an earlier day."""


def realised(now: Pair, earlier: Sequence[Pair], unit: str, rewards_a_day: float | None = None) -> Estimate:
    """
    The change in what everybody chooses since the hotfix, in % of before; in numbers per day where `unit`
    asks for that and a day's rewards are known. Not known where fewer than `LEAST_DAYS` earlier days have
    both spans.

    Args:
        earlier: pairs from previous days, at the same hours, when nothing was known to be wrong.
        unit: as the promise has it: `% plays`, or `plays a day`.

    Source:
        Difference in differences of logarithms; the interval is Student's for one new observation, never
        narrower than chance allows for that many choices (Poisson).

    >>> flat = [(Chosen(1000, 5000), Chosen(1000 + n, 5000)) for n in (-20, 0, 20)]
    >>> found = realised((Chosen(1000, 5000), Chosen(900, 5000)), flat, "% plays")
    >>> round(found.value), round(found.low), round(found.high)
    (-10, -18, -2)
    >>> realised((Chosen(1000, 5000), Chosen(900, 5000)), flat[:2], "% plays").value is None
    True
    """
    before = [step for pair in earlier if (step := _step(pair)) is not None]
    today = _step(now)
    bare = unit.removesuffix(A_DAY).removeprefix("% ")
    if today is None or len(before) < LEAST_DAYS:
        return Estimate(value=None, unit=unit, confidence=CONFIDENCE, basis=_missing(today, len(before)))
    half = _half(stdev(before), sqrt(1 / now[0].rewards + 1 / now[1].rewards), len(before))
    middle = today - fmean(before)
    edges = (exp(part) - 1 for part in (middle, middle - half, middle + half))
    daily = rewards_a_day if unit.endswith(A_DAY) else None
    value, low, high = (100 * edge if daily is None else daily * edge for edge in edges)
    return Estimate(
        value=value,
        low=low,
        high=high,
        unit=f"% {bare}" if daily is None else f"{bare}{A_DAY}",
        confidence=CONFIDENCE,
        basis=f"{now[1].requests:,.0f} requests since it was deployed, {now[0].requests:,.0f} before, "
        f"and the same hours of {len(before)} earlier days",
    )


def _half(between: float, by_chance: float, days: int) -> float:
    """Half the interval's width: by how days differed, and at least by what chance does within one day."""
    likely = (1 + CONFIDENCE) / 2
    seen = float(student.ppf(likely, days - 1)) * between
    least = NormalDist().inv_cdf(likely) * by_chance
    return max(seen, least) * sqrt(1 + 1 / days)


def _step(pair: Pair) -> float | None:
    """The logarithm of the rate's change from the first span to the second."""
    before, since = (span.rate for span in pair)
    return None if before is None or since is None else log(since / before)


def _missing(today: float | None, days: int) -> str:
    if today is None:
        return "too little was chosen before it was deployed or since"
    earlier = "1 earlier day has" if days == 1 else f"{days} earlier days have"
    return f"{earlier} rows of the same hours, and it takes {LEAST_DAYS} to know what the hour changes"
