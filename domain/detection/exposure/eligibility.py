"""
How often an item is eligible, now compared with then: as often as random exploration shows it.

From the moment an item leaves a shelf, meets a filter or is no longer new, chance shows it less as well. If
production then shows it less, that is no judgement of its engagement, and is reported as what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom, norm

from domain.detection.exposure.expected_exposure import HALF

SURE = 0.99  # probability that chance shows it differently at all, before anything is concluded from it


class Chance(NamedTuple):
    """
    Impressions that chance gave to one or more items, and to all items together while these could be shown;
    over one period.
    """

    own: float
    total: float


def chance_of(engagement: pd.DataFrame, items: Sequence[str], available: pd.Series | None = None) -> Chance:
    """
    What chance showed of `items`; zero if there is no such traffic.

    Args:
        engagement: columns item, explored (true by chance), shown (counts).
        available: share (0–1) of the time in which each item could be shown; 1 if not given. Before
            a launch nobody can be shown it, which says nothing of how often it is eligible.
    """
    shown = engagement[engagement["explored"]]
    own = shown.loc[shown["item"].isin(items), "shown"]
    there = 1.0 if available is None else float(available.reindex(list(items)).fillna(1.0).mean())
    return Chance(float(own.sum()), float(shown["shown"].sum()) * there)


@dataclass(frozen=True)
class Eligibility:
    """
    `change` of how often it is eligible, less 1 (−0.9: 90 % less often), with its interval.

    `then`, `now`: relative to how often it was over the whole time (1: as often); `blur` is the error of the
    logarithm of `now`.
    """

    change: float
    low: float
    high: float
    then: float
    now: float
    blur: float


def eligibility_change(
    whole: Chance, then: Chance, now: Chance, confidence: float = 0.9
) -> Eligibility | None:
    """
    What chance says about an item before and after a moment; None if it may have shown it equally often.

    >>> changed = eligibility_change(Chance(1_000, 50_000), Chance(960, 25_000), Chance(40, 25_000))
    >>> round(changed.change, 2), round(changed.then, 2), round(changed.now, 2)
    (-0.96, 1.92, 0.08)
    >>> eligibility_change(Chance(100, 5_000), Chance(52, 2_500), Chance(48, 2_500)) is None
    True
    """
    if min(whole.total, then.total, now.total) <= 0:
        return None
    if _alike(then, now) > 1 - SURE:
        return None
    usual, before, after = (np.log((one.own + HALF) / one.total) for one in (whole, then, now))
    error = float(np.sqrt(1 / (then.own + HALF) + 1 / (now.own + HALF)))
    reach = float(norm.ppf((1 + confidence) / 2)) * error
    change, low, high = (float(np.expm1(after - before + off)) for off in (0.0, -reach, reach))
    blur = float(1 / np.sqrt(now.own + HALF))
    return Eligibility(change, low, high, float(np.exp(before - usual)), float(np.exp(after - usual)), blur)


def _alike(then: Chance, now: Chance) -> float:
    """Two-sided p-value of the number now, given the total of then and now, if it is shown equally often."""
    both = round(then.own + now.own)
    share = now.total / (then.total + now.total)
    fewer, more = binom.cdf(round(now.own), both, share), binom.sf(round(now.own) - 1, both, share)
    return float(min(1.0, 2 * min(fewer, more)))
