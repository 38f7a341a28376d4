"""
What part of the total a slice should be, from its own past, for thousands of slices at once.

A forgetting mean of the share, a window's surprise clipped so that a bad day teaches little; over-dispersion
from the one-step surprises themselves, so that drift and season count as scatter. A beta-binomial.

Source:
    Skellam (1948), J. R. Stat. Soc. B 10(2); its correlation as the measure of over-dispersion: Williams
    (1982), J. R. Stat. Soc. C 31(2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.counts import Floats
from domain.detection.habit import Habits, Keys, learn_habits
from domain.detection.tail import MOST_CORRELATION, beta_binomial_tails

HALF_LIFE_WINDOWS = 14.0
CLIP = 3.0  # surprises in standard deviations beyond which a window teaches no more
WARM_UP = 5  # windows before surprises are counted
MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Shares:
    """
    (n_slices,) expected share, correlation of two rows of one window (0: a binomial), windows learned from.
    """

    share: Floats
    correlation: Floats
    learned: npt.NDArray[np.int64]

    def expected(self, n: float) -> Floats:
        """(n_slices,) rows that a total of `n` should hold."""
        return self.share * n

    def dispersion(self, n: float) -> Floats:
        """
        (n_slices,) how many times a binomial's variance theirs is in a total of `n`; ≥ 1.

        What scatters is the share, so that counting noise hides it in a small total and not in a large one: a
        busy hour is further off from its expectation than a factor learned over the whole day says.
        """
        return 1 + self.correlation * max(n - 1, 0.0)


def expect_shares(
    total: Floats,
    rows: Floats,
    usable: npt.NDArray[np.bool_],
    half_life: float = HALF_LIFE_WINDOWS,
    keys: Keys | None = None,
) -> Shares:
    """
    Shares expected in the last window, from those before it.

    Args:
        total: (n_windows,) and rows: (n_windows, n_slices) counts.
        usable: (n_windows, n_slices) which windows each slice may learn from.
        keys: (n_windows,) the hour or weekday of each, where a slice may have habits (`habit_keys`).
    """
    habits = None if keys is None else learn_habits(total, rows, np.asarray(usable.all(axis=1)), keys)
    forget = 0.5 ** (1.0 / half_life)
    n_slices = rows.shape[1]
    hits, seen = np.full(n_slices, 0.5), np.full(n_slices, 1.0)
    started = np.zeros(n_slices, dtype=np.int64)
    surprises = np.full((len(total) - 1, n_slices), np.nan)
    for t in range(len(total) - 1):
        if total[t] <= 0:
            continue
        learn = usable[t]
        n = total[t] * _usual(habits, t, rows[t] if learn.all() else None, float(total[t]))
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
    learned = (total > 0) & usable.any(axis=1)
    usual = float(np.median(total[:-1][learned[:-1]])) if learned[:-1].any() else 1.0
    correlation = np.minimum((_dispersion(surprises) - 1) / max(usual - 1, 1.0), MOST_CORRELATION)
    share = hits / (seen + 0.5) * _usual(habits, len(total) - 1, None, float(total[-1]))
    return Shares(np.minimum(share, 1.0), correlation, started)


def _usual(habits: Habits | None, window: int, rows: Floats | None, total: float) -> Floats | float:
    return 1.0 if habits is None else habits.factor(window, rows, total)


def _running(surprises: Floats, started: npt.NDArray[np.int64], t: int) -> Floats:
    """Over-dispersion so far, refreshed now and then: clipping needs no more than its order of magnitude."""
    if t < 2 * WARM_UP:
        return np.full(len(started), 16.0)
    return _dispersion(surprises[max(0, t - 28) :: max(1, min(t, 28) // 14)])


def _dispersion(surprises: Floats) -> Floats:
    """
    Variance of the surprises, at least 1: each counts up to three times their usual size, which is their
    median or 90 % point, whichever says more.

    Sorted by hand, with NaN last: `nanquantile` goes through thousands of slices one by one.

    Source:
        One step from a robust start to an efficient estimate: Huber (1981), Robust Statistics, ch. 6.
    """
    if not len(surprises):
        return np.full(surprises.shape[1], 4.0)
    size = np.sort(np.abs(surprises), axis=0)
    count = np.isfinite(size).sum(axis=0)
    columns = np.arange(surprises.shape[1])
    last = np.maximum(count - 1, 0)
    middle = size[last // 2, columns]
    outer = size[np.round(0.9 * last).astype(int), columns]
    usual = np.maximum(MAD_TO_SD * middle, outer / 1.645)
    np.minimum(size, CLIP * usual, out=size)
    factor = np.nansum(size**2, axis=0) / np.maximum(count, 1)
    return np.asarray(np.where(count >= 4, np.maximum(factor, 1.0), 4.0), dtype=np.float64)


def share_p_values(observed: Floats, n: Floats | float, share: Floats, dispersion: Floats | float) -> Floats:
    """
    Two-sided p-values of counts out of `n`, beta-binomial with a variance `dispersion` times a binomial's.

    Args:
        observed, share: (n_slices,); n, dispersion: scalar or (n_slices,).
    """
    total = np.broadcast_to(np.maximum(np.asarray(n, dtype=float), 1.0), observed.shape)
    low, high = beta_binomial_tails(
        np.clip(observed, 0.0, total), total, np.clip(share, 1e-9, 1 - 1e-9), dispersion
    )
    return np.asarray(np.clip(2 * np.minimum(low, high), 0.0, 1.0), dtype=np.float64)
