"""
From many slices that look wrong to the one or two that are.

A fault in one slice pulls at every slice that overlaps it: its parents lose part of their rows, its children
lose theirs, and everything else seems to gain share. The search is greedy: take the slice with the most
evidence, set its rows aside on both sides of the comparison, and look again at the others in what is left.
Those that are now as expected were its shadow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.expect.crossed_effects import CrossedEffects
from domain.detection.expect.share import share_p_values
from domain.values import Slice

MAX_PICKS = 8
LEAST_PART = 1e-9
HALF = 0.5  # how much, relative to a part of a slice, its other rows must have changed if the whole did
CLOSE_ENOUGH = 0.8  # of the best evidence: then the slice with fewer dimensions is the better description


@dataclass(frozen=True)
class Suspects:
    """
    All slices of a window: (n_slices,) observed rows, shares expected from the past, dispersion factors and
    their freedom, rows that come together; `n` rows in total; how slices follow others.
    """

    slices: tuple[Slice, ...]
    observed: Floats
    share: Floats
    dispersion: Floats
    n: float
    freedom: Floats | float = np.inf
    cluster_size: Floats | float = 1.0
    crossed: CrossedEffects | None = None
    places: dict[Slice, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the slices by name."""
        self.places.update({name: place for place, name in enumerate(self.slices)})


def localise(
    suspects: Suspects,
    found: npt.NDArray[np.intp],
    alpha: float,
    least_change: float,
    *,
    surges_first: bool = False,
) -> list[int]:
    """
    The places of the fewest slices that explain those `found`; the strongest first.

    Drops are taken before surges as long as there are any that no other slice's loss explains,
    unless the strongest surge has more than twice the evidence of any drop. With `surges_first` it is the
    other way round.
    """
    left = list(map(int, found))
    picked: list[int] = []
    while left and len(picked) < MAX_PICKS:
        observed, expected, n = _given_others(suspects, left, picked)
        off = observed - expected
        share, dispersion = np.clip(expected / n, 0, 1), suspects.dispersion[left]
        freedom, cluster_size = _each(suspects.freedom, left), _each(suspects.cluster_size, left)
        p_values = share_p_values(observed, n, share, dispersion, freedom, cluster_size)
        still = (p_values <= alpha) & (np.abs(off) >= least_change * expected) & (np.abs(off) >= 1)
        if picked:
            covered = np.array([_covered(suspects.slices[place], suspects, picked) for place in left])
            still &= ~covered
        if not still.any():
            break
        best = _strongest(suspects, left, off if not surges_first else -off, expected, still)
        picked.append(left[best])
        left = [place for i, place in enumerate(left) if still[i] and i != best]
    return _whole(suspects, set(map(int, found)), picked, least_change)


def _whole(suspects: Suspects, found: set[int], picked: list[int], least_change: float) -> list[int]:
    """
    The picked slices, each widened as far as possible: to the value that it lies in, if that was found too
    and its other rows changed in the same direction. A part may stand out more than the whole, which scatters
    more.
    """
    widened = list[int]()
    for place in picked:
        values = [suspects.places.get((value,)) for value in suspects.slices[place]]
        wider = [one for one in values if one in found and _goes_on(suspects, one, place, least_change)]
        widest = max(wider, key=lambda one: float(suspects.share[one]), default=place)
        if not _covered(suspects.slices[widest], suspects, widened):
            widened = [one for one in widened if not _covered(suspects.slices[one], suspects, [widest])]
            widened.append(widest)
    return widened


def _goes_on(suspects: Suspects, wide: int, part: int, least_change: float) -> bool:
    """Whether the wide slice's rows outside its part changed like the part's: by at least half as much."""
    if wide == part:
        return False
    usual = float(suspects.share[wide] - suspects.share[part]) * suspects.n
    off = float(suspects.observed[wide] - suspects.observed[part]) - usual
    own = float(suspects.share[part]) * suspects.n
    least = max(least_change, HALF * abs(float(suspects.observed[part]) - own) / max(own, 1.0))
    same_way = off * (float(suspects.observed[part]) - own) > 0
    return same_way and usual >= 1 and abs(off) >= least * usual


def _strongest(
    suspects: Suspects, left: list[int], off: Floats, expected: Floats, still: npt.NDArray[np.bool_]
) -> int:
    """The place (in `left`) with the most evidence, squared distance over variance; those below 0 first."""
    variance = suspects.dispersion[left] * np.maximum(expected, 1.0)
    score = np.where(still, off**2 / variance, -1.0)
    first = still & (off < 0)
    if first.any() and score[first].max() >= 0.5 * score.max():
        score = np.where(first, score, -1.0)
    near = np.flatnonzero(score >= CLOSE_ENOUGH * score.max())
    return int(min(near, key=lambda i: (len(suspects.slices[left[i]]), -score[i])))


def left_over(suspects: Suspects, picked: list[int], dimensions: Iterable[str]) -> float:
    """
    Log likelihood lost by what `picked` slices leave unexplained among the values of each of these
    dimensions; the largest over the dimensions.
    """
    worst = 0.0
    for dimension in dimensions:
        values = [place for name, place in suspects.places.items() if [one for one, _ in name] == [dimension]]
        left = [place for place in values if place not in picked]
        if left:
            observed, expected, _n = _given_others(suspects, left, picked)
            variance = suspects.dispersion[left] * np.maximum(expected, 1.0)
            worst = max(worst, float(((observed - expected) ** 2 / variance).sum()) / 2)
    return worst


def _each(values: Floats | float, left: list[int]) -> Floats | float:
    return values[left] if isinstance(values, np.ndarray) else values


def _given_others(suspects: Suspects, left: list[int], picked: list[int]) -> tuple[Floats, Floats, Floats]:
    """(observed, expected, n) of the slices in `left`, with picked slices set aside, in what others leave."""
    if suspects.crossed is None:
        observed, share, n = _without(suspects, left, picked)
        return observed, share * n, n
    observed, share, n = _without(suspects, list(range(len(suspects.slices))), picked)
    expected = share * n * suspects.crossed.factor(observed[None], (share * n)[None])[0]
    return observed[left], expected[left], n[left]


def _without(suspects: Suspects, left: list[int], picked: list[int]) -> tuple[Floats, Floats, Floats]:
    """(observed, share, n) of the slices in `left` among the rows that lie in none of the picked slices."""
    observed = suspects.observed[left].copy()
    share = suspects.share[left].copy()
    n_observed, n_share = suspects.n, 1.0
    for pick in picked:
        seen, usual = overlaps(suspects, left, pick)
        observed -= seen
        share -= usual
        n_observed -= suspects.observed[pick]
        n_share -= suspects.share[pick]
    n = np.full(len(left), max(n_observed, 1.0))
    return np.maximum(observed, 0.0), np.maximum(share, 0.0) / max(n_share, 1e-6), n


def overlaps(suspects: Suspects, left: Iterable[int], pick: int) -> tuple[Floats, Floats]:
    """
    How many rows, observed and as a usual share, each slice in `left` has in common with `pick`.

    Known if their common slice has a count of its own; otherwise estimated from pairs of their dimensions.
    """
    seen, usual = [], []
    chosen = suspects.slices[pick]
    for place in left:
        common = shared(suspects, suspects.slices[place], chosen)
        if common is None:
            seen.append(0.0)
            usual.append(0.0)
        elif common in suspects.places:
            known = suspects.places[common]
            seen.append(float(suspects.observed[known]))
            usual.append(float(suspects.share[known]))
        else:
            part = _part(suspects, suspects.slices[place], chosen)
            seen.append(float(suspects.observed[place]) * part[0])
            usual.append(float(suspects.share[place]) * part[1])
    return np.array(seen), np.array(usual)


def shared(suspects: Suspects, one: Slice, other: Slice) -> Slice | None:
    """
    The slice of the rows in both; None if there are none.

    Two values of one dimension share no row, unless rows may have several, as films have genres: then what
    they share was counted, as the slice of both values.
    """
    together = merged(one, other)
    for (name, value), (next_name, next_value) in pairwise(together):
        if name == next_name and ((name, value), (name, next_value)) not in suspects.places:
            return None
    return together


def merged(one: Slice, other: Slice) -> Slice:
    """
    The conditions of both slices combined.

    >>> merged((("a", "1"),), (("b", "2"),))
    (('a', '1'), ('b', '2'))
    """
    return tuple(sorted({*one, *other}))


def _part(suspects: Suspects, inside: Slice, of: Slice) -> tuple[float, float]:
    """The part of the rows of `inside` that also lies in `of`, observed and usual."""
    rest = tuple(pair for pair in of if pair not in inside)
    return (
        _given(suspects, suspects.observed, suspects.n, inside, rest),
        _given(suspects, suspects.share, 1.0, inside, rest),
    )


def _given(suspects: Suspects, counts: Floats, total: float, inside: Slice, rest: Slice) -> float:
    """
    The part of the rows of `inside` that have all of `rest`, from counts of one and of two dimensions.

    Each value of `inside` changes the odds of each of `rest` as much as it does alone: films of a country
    are played in its region, so that slices of both have far more in common than their totals suggest.

    Source:
        The log-linear model without interactions of three: Birch (1963), J. R. Stat. Soc. B 25(1).
    """

    def odds(part: float) -> float:
        part = min(max(part, LEAST_PART), 1 - LEAST_PART)
        return part / (1 - part)

    part = _count(suspects, counts, rest) / max(total, LEAST_PART)
    for one in rest:
        alone = _count(suspects, counts, (one,)) / max(total, LEAST_PART)
        joint = odds(alone)
        for pair in inside:
            both = merged((pair,), (one,))
            if both in suspects.places and (pair,) in suspects.places:
                with_one = _count(suspects, counts, both) / max(_count(suspects, counts, (pair,)), LEAST_PART)
                joint *= odds(with_one) / odds(alone)
        part *= joint / (1 + joint) / max(alone, LEAST_PART)
    return float(np.clip(part, 0, 1))


def _count(suspects: Suspects, counts: Floats, where: Slice) -> float:
    place = suspects.places.get(where)
    return 0.0 if place is None else float(counts[place])


def _covered(where: Slice, suspects: Suspects, picked: list[int]) -> bool:
    """Whether a picked slice contains this one: then nothing of it is left to judge."""
    return any(set(suspects.slices[pick]) <= set(where) for pick in picked)
