"""
What past promises of a kind of hotfix came to, and what that says of the next one.

    outcomes in the log ─▶ misses, in half-widths of what the log promised ─▶ how wide each side has to be
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from domain.incident.outcome import cost_miss, held, miss_of
from domain.incident.state import Outcome
from domain.values import Estimate

SIDE = 0.95
"""Share of the promises that hold on one side of a 90 % interval."""

BELIEVED = 20
"""Records that the log's own interval counts for: so many that one of them may miss on a side."""

_DEVIATIONS = NormalDist().inv_cdf(SIDE)

Misses = Mapping[str, Sequence[float]]
"""Kind of hotfix → how many half-widths each past promise would have had to reach; below 0 downwards."""


@dataclass(frozen=True)
class TrackRecord:
    """Past promises by kind of hotfix: of repairs (`misses`), and of what everybody gains or loses."""

    misses: Misses = field(default_factory=dict)
    cost_misses: Misses = field(default_factory=dict)

    def corrected(self, kind: str, repairs: Estimate) -> Estimate:
        """
        What is promised of `repairs` by a hotfix of this kind, and in its basis what past promises came to.

        Never narrower than the log's own interval; as it is where there is no past, or no interval.
        """
        return _widened(repairs, self.misses.get(kind, ()), f"of the log's promises of `{kind}`")

    def corrected_whole(self, kind: str, whole: Estimate) -> Estimate:
        """The same of what everybody gains or loses."""
        return _widened(whole, self.cost_misses.get(kind, ()), f"of the log's costs of `{kind}`")


def _widened(promise: Estimate, past: Sequence[float], what: str) -> Estimate:
    if not past or promise.low is None or promise.high is None:
        return promise
    below, above = widening([-miss for miss in past]), widening(past)
    half = (promise.high - promise.low) / 2
    kept = f"{sum(map(held, past))} of {len(past)} {what} held in past incidents"
    said = f"widened: {kept}" if max(below, above) > 1.0 else kept
    return promise.model_copy(
        update={
            "low": promise.low - (below - 1.0) * half,
            "high": promise.high + (above - 1.0) * half,
            "basis": f"{promise.basis}; {said}",
        }
    )


def widening(misses: Sequence[float]) -> float:
    """
    How many half-widths one side of the next promise has to reach; at least 1.

    The empirical quantile at `SIDE` of what past promises would have needed, mixed with `BELIEVED` records of
    a promise that is right (a normal's tail): one miss alone moves it at most to 1.7, of two the smaller
    counts in full. Of exchangeable promises, whatever their distribution, at least (SIDE·n − 1) / (n + 1)
    hold on this side.

    Args:
        misses: (n,) in half-widths; below 0 of what missed on the other side.

    Source:
        Split conformal prediction, normalized: Lei, G'Sell, Rinaldo, Tibshirani & Wasserman (2018), J. Am.
        Stat. Assoc. 113; shrunk towards the model's own tail.

    >>> widening([]), widening([0.4, 0.9, 0.2])
    (1.0, 1.0)
    >>> round(widening([30.0]), 2), round(widening([0.1, 3.0, 0.2, 30.0, 4.0]), 2)
    (1.71, 4.0)
    """
    ways = []
    for within, furthest in enumerate([0.0, *sorted(misses)]):
        believed = (SIDE * (len(misses) + BELIEVED) - within) / BELIEVED
        if believed < 1.0:
            ways.append(max(furthest, NormalDist().inv_cdf(max(SIDE, believed)) / _DEVIATIONS))
    return min(ways)


def track_record(outcomes: Iterable[Outcome], kind_of: Callable[[Outcome], str | None]) -> TrackRecord:
    """
    The record of these outcomes.

    Args:
        kind_of: the kind of an outcome's hotfix; None where nobody knows it any more.
    """
    repairs: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, list[float]] = defaultdict(list)
    for one in outcomes:
        if (kind := kind_of(one)) is None:
            continue
        if (missed := miss_of(one, one.promise.own)) is not None:
            repairs[kind].append(missed)
        if (missed := cost_miss(one.cost, one.promise.own_whole)) is not None:
            costs[kind].append(missed)
    return TrackRecord(repairs, costs)
