"""
Many estimates with their errors, each moved towards what estimates like it turn out to be.

Source:
    Adaptive shrinkage: Stephens (2017), "False discovery rates: a new deal", Biostatistics 18(2): a mixture
    of normal distributions around nothing, its weights learned from all estimates at once. A clear exception
    among many near zero remains one, which a single normal prior would not allow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from domain.detection.data.counts import Floats

STEP = 2.0**0.5  # between the widths of the mixture's parts
ROUNDS = 400
BISECTIONS = 48
POINT = 1e-6  # the width of the component for exactly zero


@dataclass(frozen=True)
class Shrunk:
    """
    (n,) each: posterior `mean`, the central interval `low`–`high`, and `wrong_sign`: the probability that the
    truth is not on the same side of 0 as the mean (Stephens' local false sign rate).
    """

    mean: Floats
    low: Floats
    high: Floats
    wrong_sign: Floats


def shrink(estimate: Floats, error: Floats, confidence: float = 0.9) -> Shrunk:
    """
    The posterior of each truth.

    Args:
        estimate: (n,) e.g. logarithms of a ratio; error: (n,) their standard errors, > 0.

    >>> few = shrink(np.array([0.1, -0.1, 0.0, 0.1, 3.0, 3.0]), np.array([0.2, 0.2, 0.2, 0.2, 0.2, 2.0]))
    >>> bool(few.mean[4] > 2.5), bool(few.mean[5] < 2.0), bool(few.wrong_sign[4] < 0.01)
    (True, True, True)
    """
    widths = _widths(estimate, error)
    spread = np.hypot(error[:, None], widths[None, :])
    likely = np.asarray(norm.logpdf(estimate[:, None], 0.0, spread), dtype=np.float64)
    likely = np.exp(likely - likely.max(axis=1, keepdims=True))
    weights = np.full(len(widths), 1 / len(widths))
    for _round in range(ROUNDS):
        share = likely * weights
        weights = (share / share.sum(axis=1, keepdims=True)).mean(axis=0)
    share = likely * weights
    share /= share.sum(axis=1, keepdims=True)
    kept = widths**2 / spread**2
    centre, sd = kept * estimate[:, None], np.maximum(np.sqrt(kept) * error[:, None], POINT)
    tail = (1 - confidence) / 2
    nothing = share[:, 0]
    below = (share[:, 1:] * norm.cdf(0.0, centre[:, 1:], sd[:, 1:])).sum(axis=1)
    above = 1 - nothing - below
    return Shrunk(
        mean=np.asarray((share * centre).sum(axis=1)),
        low=_quantile(share, centre, sd, tail),
        high=_quantile(share, centre, sd, 1 - tail),
        wrong_sign=np.asarray(np.clip(np.minimum(below, above) + nothing, 0.0, 1.0)),
    )


def _widths(estimate: Floats, error: Floats) -> Floats:
    """From a tenth of the smallest error to twice the largest truth that the estimates can hold."""
    least = float(error.min()) / 10
    beyond = float(np.max(np.square(estimate) - np.square(error)))
    most = 2 * float(np.sqrt(max(beyond, (8 * least) ** 2)))
    steps = int(np.ceil(np.log(most / least) / np.log(STEP)))
    return np.concatenate([[0.0], least * STEP ** np.arange(steps + 1)])


def _quantile(share: Floats, centre: Floats, sd: Floats, at: float) -> Floats:
    """(n,) the value below which the share `at` of each mixture lies."""
    low = (centre - 9 * sd).min(axis=1)
    high = (centre + 9 * sd).max(axis=1)
    for _step in range(BISECTIONS):
        middle = (low + high) / 2
        under = (share * norm.cdf(middle[:, None], centre, sd)).sum(axis=1) < at
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray((low + high) / 2)
