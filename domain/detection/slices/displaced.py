"""
Rows that only moved: a slice that gained what others lost is not where something went wrong.

A recommender shows as many items as it is asked for. When one kind of item goes missing, others take its
places, and their share surges although nothing happened to them. A real surge brings rows: the table, and
every slice around the one that surged, hold that much more than their own past predicts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from domain.detection.expect.total.predictive import Expected
from domain.detection.judge.discovery import ALPHA
from domain.detection.slices.localise import Suspects, left_over, localise

HALFWAY = 0.5  # between no additional rows around a surge and all of its rows: there both are equally likely
ODDS = 1.0  # of "moved" against "more", before the total is considered: nothing else is known
ODDS_IN_A_DROP = 1 / ALPHA  # while the table lacks rows: then most surges are shadows
ODDS_OF_A_LOSS = 1 / ALPHA  # against a surge, and of one slice against two: before the counts are considered


@dataclass(frozen=True)
class Total:
    """
    The table's rows in the window, and what its own past predicts (None: too little past).

    `dropping`: whether some slice of the table was found to lack rows in this or an overlapping window.
    """

    observed: float
    expected: Expected | None
    dropping: bool = False


def moved(suspects: Suspects, total: Total) -> npt.NDArray[np.bool_]:
    """
    (n_slices,) the slices that hold more than their share although there are no additional rows to hold.

    Two explanations of the total, by their likelihood ratio: it is what it usually is, and the rows came from
    elsewhere; or it has risen by the surge's excess. The excess is counted from the share of the total *as it
    should have been*, so that a surge large enough to lift the total is not measured against what it lifted.
    A surge that is small relative to the total's own scatter is reported as one about as often as not.
    Without an expectation of the total, nothing moved.
    """
    if total.expected is None:
        return np.zeros(len(suspects.slices), dtype=bool)
    usual = total.expected.mean
    excess = suspects.observed - suspects.share * usual
    rise = total.observed - usual
    variance = usual + total.expected.scatter * usual**2
    evidence = excess * (rise - HALFWAY * excess) / max(variance, 1e-9)
    unmatched = evidence < np.log(ODDS_IN_A_DROP if total.dropping else ODDS)
    for place, around in _around(suspects):
        unmatched[place] |= excess[around] < HALFWAY * excess[place]
    return np.asarray(unmatched & (suspects.observed > suspects.share * suspects.n))


def _around(suspects: Suspects) -> list[tuple[int, int]]:
    """Pairs of places: a slice of two dimensions, and each of the two single slices that it lies in."""
    pairs = []
    for place, name in enumerate(suspects.slices):
        if len(name) > 1:
            pairs += [(place, suspects.places[(one,)]) for one in name if (one,) in suspects.places]
    return pairs


def pick(
    suspects: Suspects,
    found: npt.NDArray[np.bool_],
    total: Total,
    alpha: float,
    least_change: float,
) -> list[int]:
    """
    The places of the fewest slices that explain those `found` (n_slices,): drops if rows moved.

    If the drop that explains a surge is not significant yet, nothing is picked: the next look will.
    Only if the losses are so even that naming them takes more slices than naming surges, the surges are the
    better description.
    """
    whole = _likelier(suspects, np.flatnonzero(found), total, alpha, least_change)
    lost = suspects.observed < suspects.share * suspects.n
    dropping = total.dropping or bool(lost[whole].any())
    shadow = moved(suspects, replace(total, dropping=dropping))
    if not shadow[whole].any():
        return whole
    drops = localise(suspects, np.flatnonzero(found & ~shadow), alpha, least_change)
    return whole if not dropping and len(drops) > len(whole) else drops


def _likelier(
    suspects: Suspects, found: npt.NDArray[np.intp], total: Total, alpha: float, least_change: float
) -> list[int]:
    """
    The fewest slices that explain those found, reported as losses; unless surges are by far likelier.

    If one slice holds twice its rows, all others lose in share, and each of them would be reported for a loss
    that none has. Then the total, and the proportions of the other slices, are as ever apart from the surge.
    """
    losses = localise(suspects, found, alpha, least_change)
    if total.expected is None or not (suspects.observed < suspects.share * suspects.n)[losses].any():
        return losses
    surges = localise(suspects, found, alpha, least_change, surges_first=True)
    names = {dimension for place in {*losses, *surges} for dimension, _value in suspects.slices[place]}
    each = float(np.log(ODDS_OF_A_LOSS))
    by_losses, by_surges = (
        len(picked) * each
        + left_over(suspects, picked, names)
        + _unlike(suspects, picked, total, total.expected)
        for picked in (losses, surges)
    )
    return surges if by_losses - by_surges > each else losses


def _unlike(suspects: Suspects, picked: list[int], total: Total, expected: Expected) -> float:
    """
    Log likelihood lost by the total if the picked slices are all that changed: either rows came or went
    there, and the rest is as usual; or they only moved, and the total is as usual.
    """
    rest = 1.0 - min(float(suspects.share[picked].sum()), 1.0)
    others = total.observed - min(float(suspects.observed[picked].sum()), total.observed)
    return min(
        (observed - usual) ** 2 / (2 * max(usual + expected.scatter * usual**2, 1.0))
        for observed, usual in ((others, rest * expected.mean), (total.observed, expected.mean))
    )
