"""
The tails of the beta-binomial: a count out of a total whose share itself scatters from window to window.

A tail is summed count by count from where it begins, away from the mean; further out, where the distribution
changes little from one count to the next, it is summed over ever wider blocks, each represented by its
middle. A tail thus takes a few dozen terms, or hundreds if totals go into the millions, and all slices are
summed at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from domain.detection.data.counts import Floats

ONE_BY_ONE = 64  # counts before blocks begin to widen; the width of a block as a part of its distance
REACH_SD, REACH_DISPERSION = 7.0, 20.0  # beyond so many of both, less than 1 : 10⁷ is left of a tail
LEAST_CORRELATION, MOST_CORRELATION = 1e-9, 0.5  # of two rows of one window; the least amounts to a binomial


def beta_binomial_tails(
    observed: Floats, n: Floats | float, share: Floats, dispersion: Floats | float
) -> tuple[Floats, Floats]:
    """
    P(X ≤ observed) and P(X ≥ observed) of a beta-binomial out of `n`: its mean is `share` · n, its variance
    `dispersion` times the binomial's.

    A count that is not a whole number (a summed measure) lies on a lattice of its own.

    Args:
        observed: (n_slices,) counts in [0, n]; share: (n_slices,) in (0, 1); n, dispersion ≥ 1: the same or
            one for all.

    Returns:
        Two arrays (n_slices,), each accurate to a ten-thousandth of the smaller one.

    >>> low, high = beta_binomial_tails(np.array([0.0, 5.0]), 10, np.array([0.5, 0.5]), 1.0)
    >>> (low * 1024).round(1).tolist(), (high * 1024).round(1).tolist()
    ([1.0, 638.0], [1024.0, 638.0])
    """
    n, dispersion = (np.broadcast_to(np.asarray(one, dtype=float), observed.shape) for one in (n, dispersion))
    rho = np.clip((dispersion - 1) / np.maximum(n - 1, 1.0), LEAST_CORRELATION, MOST_CORRELATION)
    a, b = share * (1 / rho - 1), (1 - share) * (1 / rho - 1)
    # Where a < 1 the distribution rises towards 0, and only the other tail thins out; where b < 1, towards n.
    down = np.where(np.minimum(a, b) < 1, a > b, observed < share * n)
    room = np.floor(np.where(down, observed, n - observed)) + 1
    reach = REACH_SD * np.sqrt(dispersion * n * share * (1 - share)) + REACH_DISPERSION * dispersion
    place, offset, width = _blocks(room, np.minimum(room, reach))
    counts = observed[place] + np.where(down, -1, 1)[place] * offset
    near = np.bincount(place, _mass(counts, n[place], a[place], b[place]) * width, minlength=len(observed))
    far = 1 - near + _mass(observed, n, a, b)
    return np.where(down, near, far), np.where(down, far, near)


def _blocks(room: Floats, reach: Floats) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """
    For every block of every slice: which slice it belongs to, how far off its middle lies, and how many
    counts it holds.

    Args:
        room: (n_slices,) counts up to the end of the distribution; reach: up to where they matter.
    """
    edges = [0.0]
    while edges[-1] < reach.max(initial=1.0):
        edges.append(edges[-1] + max(1.0, edges[-1] // ONE_BY_ONE))
    begin = np.array(edges)
    blocks = np.maximum(np.searchsorted(begin, reach), 1)
    place = np.repeat(np.arange(len(room)), blocks)
    block = np.arange(len(place)) - (np.cumsum(blocks) - blocks)[place]
    width = np.minimum(begin[block + 1], room[place]) - begin[block]
    return place, begin[block] + (width - 1) / 2, width


def _mass(x: Floats, n: Floats, a: Floats, b: Floats) -> Floats:
    """The probability of `x` out of `n`, continued between whole numbers."""
    ways = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    together = gammaln(x + a) + gammaln(n - x + b) - gammaln(n + a + b)
    return np.asarray(np.exp(ways + together + gammaln(a + b) - gammaln(a) - gammaln(b)), dtype=np.float64)
