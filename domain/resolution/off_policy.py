"""
What another way of choosing what to show would have been worth, from a log of what was shown by chance and
what was chosen from it.

Each candidate shown stands for all that were equally likely to be shown: it is weighted by the ratio of its
chance under the other way to its chance then. Where a slate is shown, each of its places counts separately.

Source:
    Swaminathan & Joachims (2015), NeurIPS 28 (self-normalised); Dudík, Langford & Li (2011), ICML (doubly
    robust); Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay & Wen (2018), KDD (places that count
    separately).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Requests = npt.NDArray[np.intp]

LEAST_SHARE = 0.01
"""Effective share of the rows concerned below which a log cannot support an answer."""


@dataclass(frozen=True)
class Choices:
    """
    What members did with what they were shown, one row per candidate.

    Args:
        shown: (rows,) 1 where shown, else 0.
        rewards: (rows,) plays, minutes, whatever counts; 0 where not shown.
        propensities: (rows,) how likely each was to be shown; None where nothing was left to chance.
        requests: (rows,) the number of each row's request, from 0 on.
    """

    shown: Floats
    rewards: Floats
    propensities: Floats | None
    requests: Requests

    @property
    def count(self) -> int:
        """Rows that were chosen."""
        return int((self.rewards > 0).sum())

    @property
    def size(self) -> float:
        """What one choice counts for when estimating chance: Σ r² / Σ r, 1 where each counts one."""
        return float((self.rewards**2).sum()) / max(float(self.rewards.sum()), 1e-12)

    def per_request(self, values: Floats) -> Floats:
        """(requests,) sums."""
        count = int(self.requests.max(initial=-1)) + 1
        return np.bincount(self.requests, weights=values, minlength=count).astype(np.float64)


def effective_share(choices: Choices, moved: Floats) -> float:
    """
    How much the rows shown say about a change, as a share of their number, 0–1: (Σ r)² / (n Σ r²), where r is
    the change in a row's chance relative to what it was. 0 where nothing that was shown would change.

    Args:
        moved: (rows,) how much more likely each is to be shown under the other way; negative: less likely.
    """
    if choices.propensities is None:
        return 0.0
    there = (choices.shown > 0) & (moved != 0)
    ratios = np.abs(moved[there]) / choices.propensities[there]
    squares = float((ratios**2).sum())
    return float(ratios.sum()) ** 2 / (len(ratios) * squares) if squares > 0 else 0.0


def value(choices: Choices, exposure: Floats, expected: Floats, weights: Floats) -> Floats:
    """
    (draws,) the reward per request under a way that shows each candidate with chance `exposure`: doubly
    robust, with a self-normalised correction.

    Args:
        expected: (rows,) the reward that a model expects from each if shown; all zeros: no model, which
            leaves the self-normalised estimate.
        weights: (draws, requests) what each request counts for.

    Returns:
        NaN where nothing that was shown would be shown.
    """
    if choices.propensities is None:
        raise ValueError("without propensities nothing stands for what was not shown")
    chance = np.where(choices.shown > 0, choices.propensities, 1.0)
    ratios = choices.shown * exposure / chance
    whole = weights.sum(axis=1)
    direct = weights @ choices.per_request(exposure * expected) / whole
    mass = weights @ choices.per_request(exposure) / whole
    seen = weights @ choices.per_request(ratios)
    missed = weights @ choices.per_request(ratios * (choices.rewards - expected))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(direct + mass * missed / seen)


def chance_of(choices: Choices, before: Floats, after: Floats, expected: Floats, weights: Floats) -> float:
    """
    The standard deviation by chance of `value` for `after` less `value` for `before`, if choices were Poisson
    with their expectation, each of the usual `size`, and one more were made among what moves.

    Args:
        expected: (rows,) the reward that a model expects from each if shown.
        weights: (requests,) what each request counts for.
    """
    if choices.propensities is None:
        raise ValueError("without propensities nothing stands for what was not shown")
    chance = np.where(choices.shown > 0, choices.propensities, 1.0)
    scale = []
    for way in (before, after):
        seen = float(weights @ choices.per_request(choices.shown * way / chance))
        scale.append(float(weights @ choices.per_request(way)) / max(seen, 1e-12))
    of_each = choices.shown * (scale[1] * after - scale[0] * before) / chance * weights[choices.requests]
    variance = choices.size * float((of_each**2 * expected).sum())
    mean = float((np.abs(of_each) * expected).sum()) / max(float(expected[of_each != 0].sum()), 1e-12)
    return float(np.sqrt(variance + (choices.size * mean) ** 2)) / float(weights.sum())
