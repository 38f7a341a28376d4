"""
What part of the total a slice should be, from its own past, for thousands of slices at once.

A forgetting mean of the share, a window's surprise clipped so that a bad day teaches little; over-dispersion
from the one-step surprises themselves, so that drift and season count as scatter. A quasi-binomial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from domain.detection.counts import Floats

HALF_LIFE_WINDOWS = 14.0
CLIP = 3.0  # surprises in standard deviations beyond which a window teaches no more
WARM_UP = 5  # windows before surprises are counted
MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Shares:
    """
    (n_slices,) expected share, expected count given the total, over-dispersion factor ≥ 1, windows learned
    from.
    """

    share: Floats
    dispersion: Floats
    learned: npt.NDArray[np.int64]

    def expected(self, n: float) -> Floats:
        """(n_slices,) rows that a total of `n` should hold."""
        return self.share * n


def expect_shares(
    total: Floats, rows: Floats, usable: npt.NDArray[np.bool_], half_life: float = HALF_LIFE_WINDOWS
) -> Shares:
    """
    Shares expected in the last window, from those before it.

    Args:
        total: (n_windows,) and rows: (n_windows, n_slices) counts.
        usable: (n_windows, n_slices) which windows each slice may learn from.
    """
    forget = 0.5 ** (1.0 / half_life)
    n_slices = rows.shape[1]
    hits, seen = np.full(n_slices, 0.5), np.full(n_slices, 1.0)
    started = np.zeros(n_slices, dtype=np.int64)
    surprises = np.full((len(total) - 1, n_slices), np.nan)
    for t in range(len(total) - 1):
        n = total[t]
        if n <= 0:
            continue
        learn = usable[t]
        share = np.clip(hits / seen, 1e-9, 1 - 1e-9)
        scale = np.sqrt(n * share * (1 - share))
        z = (rows[t] - n * share) / scale
        warm = started >= WARM_UP
        surprises[t] = np.where(learn & warm, z, np.nan)
        limit = CLIP * np.sqrt(_running(surprises[:t], started, t))
        taught = n * share + np.clip(z, -limit, limit) * scale
        taught = np.where(warm, taught, rows[t])
        hits = np.where(learn, hits * forget + taught, hits)
        seen = np.where(learn, seen * forget + n, seen)
        started += learn
    return Shares(hits / (seen + 0.5), _dispersion(surprises), started)


def _running(surprises: Floats, started: npt.NDArray[np.int64], t: int) -> Floats:
    """Over-dispersion so far, refreshed now and then: clipping needs no more than its order of magnitude."""
    if t < 2 * WARM_UP:
        return np.full(len(started), 16.0)
    return _dispersion(surprises[max(0, t - 28) :: max(1, min(t, 28) // 14)])


def _dispersion(surprises: Floats) -> Floats:
    """
    Variance of the surprises, by their median size and their 90 % point, whichever is larger; at least 1.

    Sorted by hand, with NaN last: `nanquantile` goes through thousands of slices one by one.
    """
    if not len(surprises):
        return np.full(surprises.shape[1], 4.0)
    size = np.sort(np.abs(surprises), axis=0)
    count = np.isfinite(size).sum(axis=0)
    columns = np.arange(surprises.shape[1])
    last = np.maximum(count - 1, 0)
    middle = size[last // 2, columns]
    outer = size[np.round(0.9 * last).astype(int), columns]
    factor = np.maximum((MAD_TO_SD * middle) ** 2, (outer / 1.645) ** 2)
    return np.asarray(np.where(count >= 4, np.maximum(factor, 1.0), 4.0), dtype=np.float64)


def share_p_values(observed: Floats, n: Floats | float, share: Floats, dispersion: Floats | float) -> Floats:
    """
    Two-sided p-values of counts out of `n`, whose variance is `dispersion` times a binomial's.

    The count and its total are divided by the dispersion, and the binomial's tail is taken as the incomplete
    beta function that it is, which needs no whole numbers: thousands of slices in a millisecond, where a sum
    over a beta-binomial takes minutes.

    Args:
        observed, share: (n_slices,); n, dispersion: scalar or (n_slices,).
    """
    total = np.maximum(np.broadcast_to(np.asarray(n, dtype=float), observed.shape), 1.0) / dispersion
    k = np.minimum(np.broadcast_to(observed / dispersion, total.shape), total)
    p = np.clip(share, 1e-9, 1 - 1e-9)
    low = special.betainc(np.maximum(total - k, 1e-12), k + 1, 1 - p)
    high = np.where(k <= 0, 1.0, special.betainc(np.maximum(k, 1e-12), total - k + 1, p))
    low = np.where(k >= total, 1.0, low)
    return np.asarray(np.clip(2 * np.minimum(low, high), 0.0, 1.0), dtype=np.float64)
