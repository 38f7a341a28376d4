"""
How rare a distance is by the distances before it, even beyond the largest of them.

Peaks over a threshold: what exceeds `low` in a row, or with at most a `gap` between, is one exceedance,
as large as its largest distance. The excesses are assumed to be generalised Pareto, because metrics differ in
how heavy their tails are: an exponential tail, fitted where exceedances are common, promises once in months
what a lognormal metric does every week. A few dozen exceedances determine neither its scale nor its shape,
so each shape is weighted by how well it fits, and made a little heavier to account for the uncertainty of
its scale.

The two largest exceedances are only known to be at least as far as the third: once or twice may have been an
incident that nobody confirmed, three times is how the metric is.

Source:
    Peaks over threshold: Coles (2001), "An Introduction to Statistical Modeling of Extreme Values", ch. 4 and
    5; alarms on a stream's own extremes: Siffer et al. (2017), KDD; the predictive tail of an exponential of
    unknown scale, a Pareto of shape 1/n: Geisser (1993), "Predictive Inference", ch. 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log

import numpy as np

from domain.detection.data.counts import Floats

OFTEN = 8.0  # a day: how often the threshold where the tail begins is exceeded,
OFTEN_SHARE = 0.2  # and the largest share of windows that exceed it
SHAPES = np.linspace(0.0, 0.9, 10)  # from an exponential tail to one that hardly has a mean
LIKELY = 0.1  # how heavy a tail is assumed to be beforehand: the mean of an exponential prior
UNSURE = 2  # of the largest exceedances, which may have been incidents
FITTED = 8  # steps after which a scale is accurate within a hundredth
FARTHEST = 60  # halvings to find a distance


@dataclass(frozen=True)
class Tail:
    """
    Beyond `low`, exceeded anew in a `share` of the windows: generalised Pareto with the (n_shapes,) `shape`
    and `scale`, and the `weight` of each.
    """

    low: float
    share: float
    shape: Floats
    scale: Floats
    weight: Floats

    def surprise(self, distance: float) -> float:
        """−log of the probability that so large a distance begins in a window, at least 0."""
        beyond = distance - self.low
        if not self.scale.any():
            return inf if beyond > 0 else 0.0
        if beyond <= 0:
            return 0.0
        further = -np.log1p(self.shape * beyond / self.scale) / self.shape
        top = float(further.max())
        chance = top + log(float(np.sum(self.weight * np.exp(further - top))))
        return max(-log(self.share) - chance, 0.0)

    def distance(self, surprise: float) -> float:
        """The smallest distance with that surprise."""
        if not self.scale.any() or surprise <= -log(self.share):
            return self.low
        near, far = self.low, self.low + float(self.scale.max())
        while self.surprise(far) < surprise:
            near, far = far, self.low + 2 * (far - self.low)
        for _ in range(FARTHEST):
            middle = (near + far) / 2
            near, far = (near, middle) if self.surprise(middle) >= surprise else (middle, far)
        return far


def tail_of(known: Floats, a_day: int, step: float = 0.0, gap: int = 1) -> Tail:
    """
    The tail of the distances `known` (n,), none of them NaN, of a metric with `a_day` windows a day.

    Args:
        step: how far the metric is assumed to move if nothing was exceeded.
        gap: windows from one exceedance to the next, up to which both count as one: as many as a mean is
            taken over.

    >>> tail = tail_of(np.random.default_rng(0).exponential(1.0, 50_000), 24)
    >>> round(tail.surprise(10.0))  # a little less than 10: it may be heavier than it is
    9
    """
    often = min(OFTEN_SHARE, OFTEN / a_day)
    if not len(known):
        return _unknown(0.0, step, 1.0)
    place = min(ceil((1 - often) * len(known)), len(known)) - 1
    low = float(np.partition(known, place)[place])
    beyond = _peaks(known, low, gap) - low
    if not len(beyond):
        return _unknown(low, max(low, step), 1 / (len(known) + 1))
    scale, fit = _fitted(np.sort(beyond))
    weight = fit - SHAPES / LIKELY
    weight = np.exp(weight - weight.max())
    return Tail(low, len(beyond) / (len(known) + 1), SHAPES + 1 / len(beyond), scale, weight / weight.sum())


def _unknown(low: float, scale: float, share: float) -> Tail:
    return Tail(low, share, np.ones(1), np.full(1, scale), np.ones(1))


def _peaks(known: Floats, low: float, gap: int) -> Floats:
    """(n_exceedances,) the largest distance in each exceedance of `low`."""
    above = np.flatnonzero(known > low)
    if not len(above):
        return np.zeros(0)
    begun = np.append(0, np.flatnonzero(np.diff(above) > gap) + 1)
    return np.asarray(np.maximum.reduceat(known[above], begun), dtype=np.float64)


def _fitted(beyond: Floats) -> tuple[Floats, Floats]:
    """
    The most likely scale for each of `SHAPES`, and its log likelihood, for `beyond` (n,) in order.
    """
    sure = max(len(beyond) - UNSURE, 1)
    seen, least, unsure = beyond[:sure, None], beyond[sure - 1], len(beyond) - sure
    scale = np.full(len(SHAPES), max(float(seen.mean()), least * 1e-9))
    for _ in range(FITTED):
        z, last = seen / scale, least / scale
        pulled = ((1 + SHAPES) * z / (1 + SHAPES * z)).sum(axis=0) + unsure * last / (1 + SHAPES * last)
        scale = scale * pulled / sure
    z, last = _exponential(seen / scale), _exponential(least / scale)
    return scale, -sure * np.log(scale) - ((1 + SHAPES) * z).sum(axis=0) - unsure * last


def _exponential(z: Floats) -> Floats:
    """Generalised Pareto deviates of unit scale, converted to exponential ones, by `SHAPES`."""
    heavy = np.maximum(SHAPES, 1e-9)
    return np.asarray(np.log1p(heavy * z) / heavy)
