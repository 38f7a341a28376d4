"""
Whether everybody is shown the same items under a hotfix: the effective number of different items.

The probability that two places in two different requests show the same item is

    S = Σ_i (n_i² − Σ_r (w_r e_ri)²)  /  (N² − Σ_r N_r²)        n_i = Σ_r w_r e_ri,   N_r = Σ_i w_r e_ri

over items i that request r shows with chance e_ri; its inverse is the effective number of items, which does
not depend on how many requests are replayed. The check `concentration` measures the same for what was shown.

Source:
    Simpson (1949), "Measurement of Diversity", Nature 163; Hill (1973), Ecology 54, of order 2. The interval
    is from what each request adds (the infinitesimal jackknife): Efron & Tibshirani (1993), ch. 11.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.diagnosis.replay import Floats, Traffic
from domain.resolution.resample import estimate
from domain.values import Estimate

UNIT = "% different items"


class Meetings(NamedTuple):
    """How often two places show the same item, `share` (0–1), and what each request adds to its logarithm."""

    share: float
    added: Floats


def diversity(traffic: Traffic, before: Floats, after: Floats, weights: Floats) -> Estimate:
    """
    The change in the effective number of items shown, in %; not known where nothing changes.

    Args:
        before, after: (rows,) the chance with which each candidate is shown.
        weights: (1 + RESAMPLES, requests) what each request counts for, as found and resampled.
    """
    was, would = (_meetings(traffic, way) for way in (before, after))
    if not (was.share > 0 and would.share > 0):
        return Estimate(value=None, unit=UNIT, basis="no two requests show one item")
    added = was.added - would.added  # by a request that counts for as much as it was logged with
    draws = np.log(was.share / would.share) + weights @ (added / traffic.weights) - added.sum()
    basis = f"{1 / was.share:,.0f} → {1 / would.share:,.0f} items in effect"
    return estimate(100 * np.expm1(draws), UNIT, basis)


def _meetings(traffic: Traffic, shown: Floats) -> Meetings:
    weighed = shown * traffic.row_weights
    of_item = np.bincount(traffic.item_numbers, weights=weighed)
    met = traffic.per_request(weighed * (of_item[traffic.item_numbers] - weighed))
    places = traffic.per_request(weighed)
    pairs = places * (places.sum() - places)
    if not (met.sum() > 0 and pairs.sum() > 0):
        return Meetings(0.0, np.zeros_like(met))
    return Meetings(float(met.sum() / pairs.sum()), 2 * (met / met.sum() - pairs / pairs.sum()))
