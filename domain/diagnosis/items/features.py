"""Which feature of the items concerned is off: against their own past, and against comparable items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.items.expected_features import spreads_off
from domain.errors import TooFewRows
from domain.prediction.neighbours import distance, is_numeric, robust_centre

POOL = 2_000  # items compared with at most; distances grow with the square
COMPARABLES = 5  # for each item concerned
LEAST_COMPARED = 40  # all together
HALF = 0.5  # share of the items concerned that have a feature by which comparable ones are found
LEAST_TOGETHER = 10  # items concerned, from which on a typical one of them says something
DIGITS = 9  # of a distance: more are rounding, and do not decide between two that are equally near


@dataclass(frozen=True)
class Oddity:
    """One feature of the items concerned against comparables. `distance` is unitless, 0 when alike."""

    feature: str
    distance: float
    unset: int
    concerned: int
    comparables: int
    comparables_unset: int
    words: str


def compare_features(
    items: pd.DataFrame,
    key: str,
    features: Sequence[str],
    concerned: Sequence[str],
    *,
    matched: Sequence[str] = (),
    seed: int = 0,
) -> tuple[Oddity, ...]:
    """
    Each feature of the items concerned against the items nearest in the remaining features, the oddest first.

    Args:
        matched: features that define the slice; they differ by construction and are left out.

    Raises:
        TooFewRows: fewer than 10 other items.

    Source:
        Leave-one-feature-out nearest neighbours; numbers by robust z, shares by standard errors. Numbers of
        several items also by what all their other features predict.
    """
    mine = items[items[key].astype(str).isin(set(concerned))]
    others = items[~items[key].astype(str).isin(set(concerned))]
    if len(others) < 10 or mine.empty:
        raise TooFewRows(f"{len(mine)} items concerned and {len(others)} others: too few to compare")
    mine = mine.sample(min(len(mine), POOL // 4), random_state=seed)
    others = others.sample(min(len(others), POOL), random_state=seed)
    free = [name for name in features if name not in matched and name in items]
    count = max(COMPARABLES, LEAST_COMPARED // len(mine))
    near = _nearest_without(mine, others, free, count)
    expected = spreads_off(mine, others, free) if len(mine) >= LEAST_TOGETHER else {}
    found = [_oddity(name, mine[name], others[name].iloc[near[name]], expected.get(name)) for name in free]
    return tuple(sorted(found, key=lambda oddity: -oddity.distance))


def _nearest_without(
    mine: pd.DataFrame, others: pd.DataFrame, features: Sequence[str], count: int
) -> dict[str, npt.NDArray[np.intp]]:
    """Each feature → places in `others` nearest in all other features that most of mine have."""
    counted = {name for name in features if mine[name].isna().mean() < HALF}
    sums = sum(
        (distance(mine[name], others[name]) for name in features if name in counted),
        np.zeros((len(mine), len(others))),
    )
    found = {}
    for name in features:
        alone = counted <= {name}  # nothing else to go by
        apart = sums if name not in counted or alone else sums - distance(mine[name], others[name])
        places = np.argsort(np.round(apart, DIGITS), axis=1, kind="stable")[:, :count]
        found[name] = np.unique(places)
    return found


def _oddity(name: str, mine: pd.Series, near: pd.Series, expected: float | None) -> Oddity:
    unset, near_unset = int(mine.isna().sum()), int(near.isna().sum())
    pooled = (unset + near_unset + 1) / (len(mine) + len(near) + 2)
    error = np.sqrt(pooled * (1 - pooled) * (1 / len(mine) + 1 / len(near)))
    distance = abs(unset / len(mine) - near_unset / len(near)) / error
    alone = len(mine) == 1
    words = f"is not set for {unset:,} of {len(mine):,}, and for {near_unset:,} of {len(near):,} comparable"
    if alone:
        words = f"is not set, {len(near) - near_unset:,} of {len(near):,} have it"
    if is_numeric(mine) and mine.notna().any() and near.notna().any():
        middle, spread = robust_centre(near.to_numpy(float, na_value=np.nan))
        own = robust_centre(mine.to_numpy(float, na_value=np.nan))[0]
        off = abs(own - middle) / spread if spread > 0 else 0.0
        if off > distance:
            middling = "" if alone else "median "
            distance, words = (
                off,
                f"is {middling}{own:,.3g} against {middle:,.3g} ({off:.1f} robust standard deviations away)",
            )
        if expected is not None and expected > distance:
            distance = expected
            words = (
                f"is typically {expected:.1f} robust standard deviations from what their other features "
                "predict"
            )
    elif mine.notna().any() and near.notna().any() and not is_numeric(near):
        apart = _divergence(mine.dropna().astype(str), near.dropna().astype(str))
        if apart > distance:
            top = mine.dropna().astype(str).value_counts(normalize=True)
            share = "" if alone else f" for {100 * top.iloc[0]:.0f} %"
            distance, words = apart, f"is {top.index[0]}{share}, unlike comparable ones"
    return Oddity(name, float(distance), unset, len(mine), len(near), near_unset, words)


def _divergence(mine: pd.Series, near: pd.Series) -> float:
    """Total variation between the categories, in units of what two samples of this size differ by chance."""
    shares = pd.concat([mine.value_counts(normalize=True), near.value_counts(normalize=True)], axis=1).fillna(
        0.0
    )
    apart = 0.5 * float((shares.iloc[:, 0] - shares.iloc[:, 1]).abs().sum())
    chance = 0.5 * np.sqrt(len(shares)) * np.sqrt(1 / len(mine) + 1 / len(near))
    return float(apart / chance)
