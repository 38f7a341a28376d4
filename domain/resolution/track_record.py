"""
What past promises of a kind of hotfix came to, and what that says of the next one.

    outcomes in the log ─▶ misses, in half-widths of what the log promised ─▶ how wide each side has to be
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from domain.incident.events import HotfixRehearsed
from domain.incident.outcome import held, miss_of
from domain.incident.state import Outcome
from domain.resolution.rehearsal.verdict import missed_by
from domain.values import Estimate

SIDE = 0.95
"""Share of the promises that hold on one side of a 90 % interval."""

BELIEVED = 20
"""Records that the log's own interval counts for: so many that one of them may miss on a side."""

JUDGED = ("repairs", "misses")
"""Verdicts of rehearsals that say how good a promise was: what repairs nothing is mended, not widened."""
NONE: Mapping[str, str] = {}
_DEVIATIONS = NormalDist().inv_cdf(SIDE)

Misses = Mapping[str, Sequence[float]]
"""Kind of hotfix → how many half-widths each past promise would have had to reach; below 0 downwards."""


@dataclass(frozen=True)
class TrackRecord:
    """
    Past promises by kind of hotfix: of incidents, and of rehearsals.

    The two are kept apart: a rehearsal may show that promises are too narrow, and many that held do not make
    an incident count less in which one did not. `useless` are the hotfixes that repaired
    nothing when they were last rehearsed, by the name that their deployer knows, and why.
    """

    misses: Misses = field(default_factory=dict)
    rehearsed: Misses = field(default_factory=dict)
    useless: Mapping[str, str] = field(default_factory=dict)

    def corrected(self, kind: str, repairs: Estimate) -> Estimate:
        """
        What is promised of `repairs` by a hotfix of this kind, and in its basis what past promises came to.

        Never narrower than the log's own interval; as it is where there is no past, or no interval.
        """
        past, rehearsed = self.misses.get(kind, ()), self.rehearsed.get(kind, ())
        if not (past or rehearsed) or repairs.low is None or repairs.high is None:
            return repairs
        below = max(widening([-miss for miss in known]) for known in (past, rehearsed))
        above = max(widening(past), widening(rehearsed))
        half = (repairs.high - repairs.low) / 2
        kept = _kept(kind, past, rehearsed)
        said = f"widened: {kept}" if max(below, above) > 1.0 else kept
        return repairs.model_copy(
            update={
                "low": repairs.low - (below - 1.0) * half,
                "high": repairs.high + (above - 1.0) * half,
                "basis": f"{repairs.basis}; {said}",
            }
        )


def _kept(kind: str, past: Sequence[float], rehearsed: Sequence[float]) -> str:
    """How many promises held, in words."""
    again = f"held in {sum(map(held, rehearsed))} of {len(rehearsed)} rehearsals"
    if not past:
        return f"the log's promises of `{kind}` {again}"
    kept = f"{sum(map(held, past))} of {len(past)} of the log's promises of `{kind}` held in past incidents"
    return f"{kept}; {again}" if rehearsed else kept


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


def track_record(
    outcomes: Iterable[Outcome],
    kind_of: Callable[[Outcome], str | None],
    rehearsals: Iterable[HotfixRehearsed] = (),
    useless: Mapping[str, str] = NONE,
) -> TrackRecord:
    """
    The record of these outcomes and rehearsals.

    Args:
        kind_of: the kind of an outcome's hotfix; None where nobody knows it any more.
        useless: as of a `TrackRecord`.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for one in outcomes:
        kind, missed = kind_of(one), miss_of(one, one.promise.own)
        if kind is not None and missed is not None:
            found[kind].append(missed)
    tried: dict[str, list[float]] = defaultdict(list)
    for rehearsal in rehearsals:
        if rehearsal.promised is None or rehearsal.repaired is None or rehearsal.verdict not in JUDGED:
            continue
        missed = missed_by(rehearsal.promised, rehearsal.repaired)
        if missed is not None:
            tried[rehearsal.kind].append(missed)
    return TrackRecord(found, tried, useless)
