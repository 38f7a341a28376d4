"""
How past promises of a kind of hotfix turned out, and what that says about the next one.

    outcomes in the log ─▶ misses, in half-widths of what the log promised ─▶ how wide each side has to be
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from domain.incident.events import HotfixRehearsed
from domain.incident.outcome import cost_miss, held, miss_of
from domain.incident.state import Outcome
from domain.resolution.rehearsal.verdict import missed_by
from domain.values import Estimate

SIDE = 0.95
"""Share of promises that hold on one side of a 90 % interval."""

BELIEVED = 20
"""Number of records that the log's own interval counts as: of that many, one may miss on a side."""

JUDGED = ("repairs", "misses")
"""Verdicts of rehearsals that say how good a promise was: if nothing is repaired, the hotfix needs fixing."""
NONE: Mapping[str, str] = {}
_DEVIATIONS = NormalDist().inv_cdf(SIDE)

Misses = Mapping[str, Sequence[float]]
"""Kind of hotfix → how many half-widths each past promise would have had to extend; below 0: downwards."""


@dataclass(frozen=True)
class TrackRecord:
    """
    Past promises by kind of hotfix, from incidents and from rehearsals (`rehearsed`).

    The two are kept apart: a rehearsal may show that promises are too narrow, but many rehearsals that held
    do not dilute an incident in which a promise did not. `cost_misses` are for what everybody gains or loses;
    `useless` are the hotfixes that repaired nothing when they were last rehearsed, by the name that their
    deployer knows, and why.
    """

    misses: Misses = field(default_factory=dict)
    cost_misses: Misses = field(default_factory=dict)
    rehearsed: Misses = field(default_factory=dict)
    useless: Mapping[str, str] = field(default_factory=dict)

    def corrected(self, kind: str, repairs: Estimate) -> Estimate:
        """
        The promise `repairs` of a hotfix of this kind, corrected; its basis says how past promises turned
        out.

        Never narrower than the log's own interval; unchanged where there is no past or no interval.
        """
        past, rehearsed = self.misses.get(kind, ()), self.rehearsed.get(kind, ())
        return _widened(repairs, (past, rehearsed), _kept(f"promises of `{kind}`", past, rehearsed))

    def corrected_whole(self, kind: str, whole: Estimate) -> Estimate:
        """The same for what everybody gains or loses; rehearsals say nothing about it."""
        past = self.cost_misses.get(kind, ())
        return _widened(whole, (past,), _kept(f"costs of `{kind}`", past, ()))


def _widened(promise: Estimate, pasts: Sequence[Sequence[float]], kept: str) -> Estimate:
    if not any(pasts) or promise.low is None or promise.high is None:
        return promise
    below = max(widening([-miss for miss in past]) for past in pasts)
    above = max(widening(past) for past in pasts)
    half = (promise.high - promise.low) / 2
    said = f"widened: {kept}" if max(below, above) > 1.0 else kept
    return promise.model_copy(
        update={
            "low": promise.low - (below - 1.0) * half,
            "high": promise.high + (above - 1.0) * half,
            "basis": f"{promise.basis}; {said}",
        }
    )


def _kept(what: str, past: Sequence[float], rehearsed: Sequence[float]) -> str:
    """How many promises held, in words."""
    again = f"held in {sum(map(held, rehearsed))} of {len(rehearsed)} rehearsals"
    if not past:
        return f"the log's {what} {again}"
    kept = f"{sum(map(held, past))} of {len(past)} of the log's {what} held in past incidents"
    return f"{kept}; {again}" if rehearsed else kept


def widening(misses: Sequence[float]) -> float:
    """
    How many half-widths one side of the next promise has to extend; at least 1.

    The empirical quantile at `SIDE` of what past promises would have needed, mixed with `BELIEVED` records of
    a correct promise (a normal tail): one miss alone moves it to 1.7 at most, and of two the smaller counts
    in full. Of exchangeable promises, whatever their distribution, at least (SIDE·n − 1) / (n + 1) hold on
    this side.

    Args:
        misses: (n,) in half-widths; below 0 for misses on the other side.

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
        kind_of: gives the kind of an outcome's hotfix; None where it is no longer known.
        useless: as in `TrackRecord`.
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
    return TrackRecord(repairs, costs, _of_rehearsals(rehearsals), useless)


def _of_rehearsals(rehearsals: Iterable[HotfixRehearsed]) -> Misses:
    tried: dict[str, list[float]] = defaultdict(list)
    for one in rehearsals:
        if one.promised is None or one.repaired is None or one.verdict not in JUDGED:
            continue
        if (missed := missed_by(one.promised, one.repaired)) is not None:
            tried[one.kind].append(missed)
    return tried
