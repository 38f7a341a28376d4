"""
How many choices there are for each one predicted, and how surprising the number in the last window is.

A negative binomial: its mean is the prediction times the slice's usual ratio, its scatter what past windows
show among themselves beyond counting noise, plus the uncertainty that so short a past leaves in the ratio.
How far out the number lies is read from Student's t, as so few windows leave their own scatter uncertain.
Counting noise is taken to be a Poisson's, which is too wide where probabilities are high, and never too
narrow.

Source:
    Over-dispersion by moments: McCullagh & Nelder (1989), "Generalized Linear Models", ch. 6; degrees of
    freedom of a sum of variances: Satterthwaite (1946), Biometrics Bulletin 2(6); the interval of a ratio:
    Garwood (1936), Biometrika 28, widened by the scatter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from domain.detection.data.counts import Floats

LEAST_SCATTER = 1e-6  # relative variance; anything below counts as a Poisson
MOST_SCATTER = 4.0
SMALLEST = 1e-300  # least probability, so that its distance in deviations is a number
CONFIDENCE = 0.9  # of the interval of a ratio


@dataclass(frozen=True)
class Ratios:
    """
    (n_cells, n_columns): choices for each predicted, ≥ 0, the relative variance of a new window's ratio, and
    the number of windows that this is known from.
    """

    ratio: Floats
    scatter: Floats
    windows: Floats

    def p_values(self, chosen: Floats, scored: Floats) -> Floats:
        """Two-sided probabilities of something at least as far out; 1 where nothing was predicted."""
        d = self._distribution(scored)
        side = np.clip(np.minimum(d.cdf(chosen), d.sf(chosen - 1)), SMALLEST, 0.5)
        mean = np.maximum(self.ratio * scored, 1e-9)
        known = 1 + 1 / np.maximum(self.scatter * mean, 1e-9)  # the whole variance over that of the scatter
        freedom = np.maximum(self.windows - 1, 1) * known**2
        both = 2 * stats.t.sf(stats.norm.isf(side), freedom)
        return np.asarray(np.where(scored > 0, np.clip(both, 0.0, 1.0), 1.0))

    def band(self, scored: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """The central interval of the choices in a new window with so many predicted."""
        d, tail = self._distribution(scored), (1 - confidence) / 2
        return np.asarray(d.ppf(tail)), np.asarray(d.ppf(1 - tail))

    def interval(self, chosen: Floats, scored: Floats) -> tuple[Floats, Floats]:
        """The 90 % interval of the ratio of such a window around the observed one."""
        shape = 1 / (1 / (chosen + 0.5) + self.scatter)
        middle = (chosen + 0.5) / np.maximum(scored, 1e-9) / shape
        tail = (1 - CONFIDENCE) / 2
        return (
            np.asarray(stats.gamma.ppf(tail, shape) * middle * (chosen > 0)),
            np.asarray(stats.gamma.ppf(1 - tail, shape) * middle),
        )

    def _distribution(self, scored: Floats) -> Any:
        size = 1 / np.maximum(self.scatter, LEAST_SCATTER)
        return stats.nbinom(size, size / (size + np.maximum(self.ratio * scored, 1e-9)))


def expect_ratios(scored: Floats, chosen: Floats, ratio: float | None = None) -> Ratios:
    """
    What is usual in windows (n_windows, n_cells, n_columns) of the past; a promised `ratio` is not learned.

    >>> usual = expect_ratios(np.full((10, 1, 1), 50.0), np.full((10, 1, 1), 100.0))
    >>> usual.ratio.round(1), bool(usual.p_values(np.array([[40.0]]), np.array([[50.0]]))[0, 0] < 1e-6)
    (array([[2.]]), True)
    """
    own = (chosen.sum(axis=0) + 0.5) / (scored.sum(axis=0) + 0.5)
    mean = own * scored
    windows = (scored > 0).sum(axis=0)
    squares = ((chosen - mean) ** 2).sum(axis=0) * windows / np.maximum(windows - 1, 1)
    scatter = np.clip(
        (squares - mean.sum(axis=0)) / np.maximum((mean**2).sum(axis=0), 1e-9), 0.0, MOST_SCATTER
    )
    if ratio is not None:
        return Ratios(np.full_like(own, ratio), scatter, windows.astype(np.float64))
    unknown = 1 / (chosen.sum(axis=0) + 0.5) + scatter / np.maximum(windows, 1)
    return Ratios(own, scatter + unknown, windows.astype(np.float64))
