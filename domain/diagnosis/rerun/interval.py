"""How sure a size is: resampled by request, since the rows of one request are not independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

DRAWS = 400
LEVEL = 0.95
FEW = 12  # requests below which resampling understates, and Student's t takes its place


@dataclass(frozen=True)
class Drawn:
    """Whose request each row is and what that counts for, (rows,) each; `seed` is that of resampling."""

    requests: npt.NDArray[np.intp]
    weights: Floats
    seed: int = 0

    def of(self, chosen: npt.NDArray[np.bool_]) -> Drawn:
        """Those of the rows `chosen`, (rows,)."""
        return Drawn(self.requests[chosen], self.weights[chosen], self.seed)

    def mean(self, values: Floats) -> float:
        """The weighted mean of `values`, (rows,)."""
        return float((self.weights * values).sum() / self.weights.sum())


def mean_interval(values: Floats, drawn: Drawn) -> tuple[float, float]:
    """
    95 % interval of the weighted mean of `values`, (rows,), whose requests were `drawn`.

    One request alone says nothing of others: its interval is unbounded.

    Source:
        The cluster bootstrap, Davison & Hinkley (1997), Bootstrap Methods, 3.8; percentiles.
    """
    _, place = np.unique(drawn.requests, return_inverse=True)
    sums = np.bincount(place, drawn.weights * values).astype(np.float64)
    counts = np.bincount(place, drawn.weights).astype(np.float64)
    return ratio_interval(sums, counts, drawn.seed)


def ratio_interval(above: Floats, below: Floats, seed: int = 0) -> tuple[float, float]:
    """95 % interval of Σ above / Σ below, (requests,) each, by the bootstrap over requests."""
    count = len(above)
    if count < 2 or below.sum() <= 0:
        return -np.inf, np.inf
    if count < FEW:
        middle = above.sum() / below.sum()
        spread = np.sqrt(count / (count - 1) * ((above - middle * below) ** 2).sum()) / below.sum()
        reach = float(stats.t.ppf((1 + LEVEL) / 2, count - 1) * spread)
        return float(middle) - reach, float(middle) + reach
    weights = draws(count, seed)
    ratios = (weights @ above) / np.maximum(weights @ below, 1e-300)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def draws(count: int, seed: int) -> Floats:
    """(DRAWS, count) how often each of `count` requests is drawn, as many as there are."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), DRAWS).astype(np.float64)


def share_interval(part: int, whole: int) -> tuple[float, float]:
    """
    Exact 95 % interval of a share.

    Source:
        Clopper & Pearson (1934), Biometrika 26.
    """
    tail = (1 - LEVEL) / 2
    low = float(stats.beta.ppf(tail, part, whole - part + 1)) if part > 0 else 0.0
    high = float(stats.beta.ppf(1 - tail, part + 1, whole - part)) if part < whole else 1.0
    return low, high


def count_interval(count: float) -> tuple[float, float]:
    """
    Exact 95 % interval of the mean of a Poisson count.

    Source:
        Garwood (1936), Biometrika 28.
    """
    tail = (1 - LEVEL) / 2
    low = float(stats.chi2.ppf(tail, 2 * count) / 2) if count > 0 else 0.0
    return low, float(stats.chi2.ppf(1 - tail, 2 * count + 2) / 2)
