"""
What the next window may hold: the predictive distribution of a count, or of a summed amount.

A negative binomial, which is a Poisson where nothing is overdispersed, and valid down to zero. An amount is
counted in units of what its noise consists of (the variance over the mean, where windows are small): revenue
of twelve a sale scatters as sales do, twelve at a time. How far out something lies is read from Student's
t, as the past leaves uncertain both how far windows scatter and how far out they can lie.

Source:
    A count's quasi-likelihood with variance φ·mean + s·mean²: McCullagh & Nelder (1989), "Generalized Linear
    Models", ch. 9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from domain.detection.data.counts import Floats

MOST_FREEDOM = 200.0  # beyond this, Student's distribution is as good as normal
POISSON = 1e-7  # relative variance in excess of a Poisson's, below which it counts as one
LEAST_SHARE = 0.01  # of what is expected: least share that a loss is taken to hold: rows still come by chance
SMALLEST = 1e-300  # least probability, so that its distance in deviations is a number


@dataclass(frozen=True)
class Expected:
    """
    The expected total of the judged window; `scatter` is the relative variance beyond counting noise, which
    is that of so many things of size `unit`; `freedom` that of Student's distribution of surprises.
    """

    mean: float
    scatter: float
    windows: int
    unit: float = 1.0
    freedom: float = MOST_FREEDOM

    @property
    def variance(self) -> float:
        """The variance of the window's total, in the square of its unit."""
        return self.unit * self.mean + self.scatter * self.mean**2

    def band(self, confidence: float = 0.95) -> tuple[float, float]:
        """The central interval."""
        tail = float(special.ndtr(float(special.stdtrit(self.freedom, (1 - confidence) / 2))))
        size = 1 / max(self.scatter, POISSON)
        mean = max(self.mean / self.unit, 1e-9)
        d = stats.nbinom(size, size / (size + mean))
        return float(d.ppf(tail)) * self.unit, float(d.ppf(1 - tail)) * self.unit

    def likelier(self, observed: float, share: float) -> float:
        """Log likelihood ratio of this expectation over the same times `share`."""
        k = max(observed / self.unit, 0.0)
        k = math.floor(k) if self.unit == 1.0 else k
        size, mean = 1 / max(self.scatter, POISSON), max(self.mean / self.unit, 1e-9)
        other = max(share, LEAST_SHARE) * mean
        return float(k * math.log(mean / other) - (k + size) * math.log((size + mean) / (size + other)))

    def p_value(self, observed: float) -> float:
        """Two-sided probability of something at least as far out as `observed`."""
        low, high = tails(np.asarray(observed), np.asarray(self.mean), np.asarray(self.scatter), self.unit)
        side = min(max(min(float(low), float(high)), SMALLEST), 0.5)
        return min(1.0, 2 * float(special.stdtr(self.freedom, float(special.ndtri(side)))))


def tails(observed: Floats, mean: Floats, scatter: Floats, unit: float = 1.0) -> tuple[Floats, Floats]:
    """
    Probabilities of at most, and at least, the observed value; of the same shape as the arguments.

    >>> low, high = tails(np.array(0.0), np.array(2.0), np.array(0.0))
    >>> round(float(low), 3), float(high)
    (0.135, 1.0)
    """
    k, mu = observed / unit, np.maximum(mean / unit, 1e-9)
    k = np.maximum(np.floor(k) if unit == 1.0 else k, 0.0)
    size = 1 / np.maximum(scatter, POISSON)
    chance = size / (size + mu)
    low, above = special.betainc(size, k + 1, chance), special.betainc(np.maximum(k, 1e-9), size, 1 - chance)
    return np.asarray(low), np.asarray(np.where(k > 0, above, 1.0))


def surprises(observed: Floats, mean: Floats, scatter: Floats, unit: float = 1.0) -> Floats:
    """
    (n,) how far out each is, in standard deviations of a normal distribution, taken at the middle of its
    step.
    """
    low, high = tails(observed, mean, scatter, unit)
    below = (low + 1 - high) / 2
    lower = special.ndtri(np.clip(below, SMALLEST, 0.5))
    upper = -special.ndtri(np.clip((high + 1 - low) / 2, SMALLEST, 0.5))
    return np.asarray(np.where(below < 0.5, lower, upper))
