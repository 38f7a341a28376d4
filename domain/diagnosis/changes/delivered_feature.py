"""
How one feature moved in a delivery, and whether some items moved with comparable ones.

A delivery moves many features of all items a little. A changed value is no fault; one that moved unlike the
values of items that had about the same before may be: a difference in differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.place import Bools, Floats
from domain.diagnosis.stratified import Strata, ranks_apart
from domain.prediction.neighbours import MAD_TO_SIGMA, is_numeric

SAME = 1e-6  # relative difference up to which two numbers are the same
BINS, LEAST_IN_BIN = 10, 30  # of items by their former value, in each of which the usual step is estimated
FAR = 4.0  # robust spreads from the usual step, beyond which an item did not move with the others
WHOLE = 0.2  # distance of all values' distributions before and after: beyond it the column itself moved
IN_STRATUM, MOST_STRATA = 15, 60  # items of about the same former value that are compared with each other
MAGNITUDE = 9.9  # times as much, or as little: a unit that was misread, not the price of a good day
NEARLY_ALL = 0.9  # share of the items that are off by one factor
ONE_WAY = 0.02  # of the change, by which values may differ from one factor or one step
HALF = 0.5  # share of the items in question that have others to be compared with
LOST, GAINED, KEPT, OTHER, NEVER = range(5)


@dataclass(frozen=True)
class DeliveredFeature:
    """
    One feature of the items in both deliveries, each array (n_items,).

    Args:
        state: `LOST`, `GAINED`, `KEPT`, `OTHER`, or `NEVER` where it is missing in both.
        departed: those with a changed value that did not move as comparable items did.
        step: by how much a number changed, NaN where one of the two is missing, and for texts.
        usual: where comparable items' step would have brought a number; NaN for texts.
        spread: of the usual step; 0 for texts and for what does not move by itself.
    """

    state: npt.NDArray[np.intp]
    departed: Bools
    step: Floats
    usual: Floats
    spread: Floats


def move_of(was: pd.Series, now: pd.Series, others: Bools) -> DeliveredFeature:
    """
    What a delivery did to one feature.

    Args:
        was, now: (n_items,) the same items before and after.
        others: (n_items,) those from which the usual step is estimated.
    """
    there, here = was.notna().to_numpy(bool), now.notna().to_numpy(bool)
    known = there & here
    if not (is_numeric(was) and is_numeric(now)):
        other = known & (was.astype(str) != now.astype(str)).to_numpy(bool)
        nothing = np.full(len(was), np.nan)
        return DeliveredFeature(_state(there, here, other), other, nothing, nothing, np.zeros(len(was)))
    old, new = was.to_numpy(float, na_value=np.nan), now.to_numpy(float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        other = known & (np.abs(new - old) > SAME * np.maximum(np.abs(old), np.abs(new)))
    step = np.where(known, new - old, np.nan)
    centre, spread = _usual_step(old, step, others & known)
    itself = not _whole_column_moved(old[others & known], new[others & known])
    own, wide = (centre, spread) if itself else (np.zeros(len(old)), np.zeros(len(old)))
    with np.errstate(invalid="ignore"):
        departed = other & (np.abs(step - own) > FAR * wide)
    return DeliveredFeature(_state(there, here, other), departed, step, old + centre, wide)


def _state(there: Bools, here: Bools, other: Bools) -> npt.NDArray[np.intp]:
    state = np.full(len(there), KEPT, dtype=np.intp)
    state[there & ~here], state[~there & here], state[other], state[~there & ~here] = (
        LOST,
        GAINED,
        OTHER,
        NEVER,
    )
    return state


def _usual_step(old: Floats, step: Floats, others: Bools) -> tuple[Floats, Floats]:
    """
    Median and robust spread of the steps of the others with about the same former value: what is large may
    move by more. A spread of 0 where most of them did not move.

    Prices in one currency have the same size, and a factor that hits all of them is not usual: then all
    others say what is.
    """
    centre, spread = np.zeros(len(old)), np.zeros(len(old))
    if not others.any():
        return centre, spread
    places = _by_size(old, others, LEAST_IN_BIN, BINS)
    for place in np.unique(places):
        alike = others & (places == place)
        if not alike.any() or another_magnitude(old[alike], (old + step)[alike]):
            alike = others
        middle = float(np.median(step[alike]))
        centre[places == place] = middle
        spread[places == place] = MAD_TO_SIGMA * float(np.median(np.abs(step[alike] - middle)))
    return centre, spread


def another_magnitude(old: Floats, new: Floats) -> bool:
    """
    Whether nearly all changed by the same factor, of ten or more, or a tenth or less: a misread unit or
    decimal point. Changes that prices or counts make on their own are smaller, or not the same for all.

    >>> another_magnitude(np.array([1.2, 3.4]), np.array([120.0, 340.0]))
    True
    >>> another_magnitude(np.array([1.2, 3.4]), np.array([0.6, 1.7]))
    False
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = new / old
    ratio = ratio[np.isfinite(ratio)]
    factor = float(np.median(ratio)) if len(ratio) else 0.0
    if factor <= 0:
        return False
    alike = float(np.mean(np.abs(ratio / factor - 1) <= ONE_WAY))
    return max(factor, 1 / factor) >= MAGNITUDE and alike >= NEARLY_ALL


def _by_size(values: Floats, learned: Bools, rows: int, most: int) -> Strata:
    """(n_items,) bins of about `rows` of the `learned` rows each, at most `most`; −1 where not set."""
    known = np.isfinite(values)
    if not (known & learned).any():
        return np.where(known, 0, -1)
    count = int(np.clip((known & learned).sum() // rows, 1, most))
    edges = np.unique(np.quantile(values[known & learned], np.linspace(0, 1, count + 1)[1:-1]))
    return np.where(known, np.searchsorted(edges, values, side="right"), -1).astype(np.intp)


def _whole_column_moved(old: Floats, new: Floats) -> bool:
    """Whether the values as a whole are distributed differently: then none of their steps is usual."""
    if not len(old):
        return False
    at = np.concatenate([old, new])
    below = [np.searchsorted(np.sort(side), at, side="right") / len(side) for side in (old, new)]
    return bool(np.max(np.abs(below[0] - below[1])) > WHOLE)


def comparable_strata(was: pd.Series, mine: Bools) -> Strata:
    """
    (n_items,) by the former value: items with the same text, or with neighbouring numbers, are comparable.

    All are in one stratum where most of mine would have nobody to be compared with.
    """
    everybody = np.zeros(len(was), dtype=np.intp)
    if not mine.any():
        return everybody
    if is_numeric(was):
        values = was.to_numpy(float, na_value=np.nan)
        strata = _by_size(values, everybody == 0, IN_STRATUM, MOST_STRATA)
    else:
        strata = pd.factorize(was.astype("string"))[0]
    return strata if np.isin(strata[mine], strata[~mine]).mean() >= HALF else everybody


def moved_apart(moved: DeliveredFeature, mine: Bools, strata: Strata) -> float:
    """
    How unlikely it is that `mine` moved as others did: all others, and those with similar former values.

    Either alone is misled: large values move by more, so items that are larger by nature do; and among those
    with one former value, items that are larger by nature return to where they usually are (Lord 1967, Psych.
    Bulletin 68(5)). What is wrong is wrong by both.

    Returns:
        −log p ≥ 0 of the best of several tests, corrected for their number: how many lost, gained and kept
        their value; and for numbers, how far they moved up or down, and how far from the usual to either
        side.
    """
    if not mine.any() or mine.all():
        return 0.0
    tests = [(moved.state == state).astype(float) for state in (LOST, GAINED, KEPT)]
    if np.isfinite(moved.step).any():
        usual = pd.Series(moved.step).groupby(strata).transform("median").to_numpy(float)
        tests += [moved.step, np.abs(moved.step - usual)]
    everybody = np.zeros(len(mine), dtype=np.intp)
    best = 0.0
    for values in tests:
        among_all = ranks_apart(values, mine, everybody)
        if among_all.surprise > best:
            alike = ranks_apart(values, mine, strata)
            best = max(best, min(among_all.surprise, alike.surprise) * (among_all.above == alike.above))
    return max(0.0, best - float(np.log(len(tests))))
