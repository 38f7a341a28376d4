"""
How far windows scatter about their forecasts, as a function of the forecast, and how heavy the tail is.

Both are estimated from the errors of past forecasts: whatever a forecast leaves out, a slope within the hour
or a day's mood, widens the band by as much as it was off. Single bad days do not: within each group of
windows of similar size, an outlier counts as three times what is usual there, and errors in a row count as
one.

Source:
    Variance φ·mean + s·mean² by moments in groups, weighted as for a gamma: Davidian & Carroll (1987),
    "Variance function estimation", JASA 82; the clip after Huber (1981), Robust Statistics, ch. 6.
    Student's distribution of standardised errors: Lange, Little & Taylor (1989), JASA 84.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.optimize import nnls

from domain.detection.data.counts import Floats
from domain.detection.expect.total.predictive import MOST_FREEDOM, surprises

CLIP = 3.0  # multiple of their usual size up to which errors count
MAD_TO_SD = 1.4826
GROUPS, LEAST_GROUP = 12, 25  # of windows similar in size
LEAST_SCATTER = 0.0004  # (2 %)²: no feed repeats itself more exactly than that
FREEDOMS = (3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0)  # candidates beside a normal distribution
SCALES = np.linspace(0.5, 1.2, 15)
SURELY = 3.0  # log likelihood that a heavy tail has to gain to be accepted
BULK = 3.0  # deviations beyond which errors in a row are one, and only their number counts
FAULTS, FAULTS_PART = 2, 200  # such errors, and one window in this many, may have been faults
BIN = 0.1


@dataclass(frozen=True)
class Dispersion:
    """Variance = `phi`·mean + `scatter`·mean²; `freedom` of the Student's distribution of what is left."""

    phi: float
    scatter: float
    freedom: float


def dispersion_of(observed: Floats, mean: Floats, unit: float) -> Dispersion:
    """
    Args:
        observed, mean: (n,) of past windows and their forecasts, in order of time.
        unit: 1 for counts, whose variance is at least their mean; for amounts, roughly what one thing counts.

    >>> chance = np.random.default_rng(1)
    >>> mean = np.linspace(20, 200, 4_000)
    >>> seen = dispersion_of(chance.poisson(mean).astype(float), mean, unit=1.0)
    >>> bool(seen.phi < 1.1), bool(seen.scatter < 0.001), seen.freedom
    (True, True, 200.0)
    """
    phi, scatter = _variance(observed - mean, mean, unit)
    known = mean > 0
    beyond = np.maximum(scatter + (phi - unit) / np.maximum(mean[known], 1e-9), 0.0)
    freedom, scale = _tail(surprises(observed[known], mean[known], beyond, unit))
    most = max(len(observed) - 1.0, 1.0)
    least = unit if unit == 1.0 else 0.0
    scatter = max(scatter * scale**2, LEAST_SCATTER)
    return Dispersion(max(phi * scale**2, least), scatter, min(freedom, most))


def _variance(error: Floats, mean: Floats, unit: float) -> tuple[float, float]:
    order = np.argsort(mean, kind="stable")
    groups = np.array_split(order, int(np.clip(len(order) // LEAST_GROUP, 1, GROUPS)))
    sizes = np.array([len(one) for one in groups], dtype=np.float64)
    of = np.array([_robust(error[one], mean[one], unit) for one in groups])
    first = np.array([mean[one].mean() for one in groups])
    second = np.array([(mean[one] ** 2).mean() for one in groups])
    weight = np.sqrt(sizes) / np.maximum(of, 1e-9)
    # For counts, only the excess over a Poisson's variance is fitted, so that it is never smaller.
    rest = np.maximum(of - unit * first, 0.0) if unit == 1.0 else of
    found, _ = nnls(np.column_stack([first, second]) * weight[:, None], rest * weight)
    phi = float(found[0]) + (unit if unit == 1.0 else 0.0)
    return max(phi, 1e-9 * unit), max(float(found[1]), LEAST_SCATTER)


def _robust(error: Floats, mean: Floats, unit: float) -> float:
    """The variance of these errors, each counted up to three times their usual size."""
    size = np.abs(error)
    least = np.sqrt(unit * mean.mean())
    usual = max(MAD_TO_SD * float(np.median(size)), float(np.quantile(size, 0.9)) / 1.645, least)
    return float(np.square(np.minimum(size, CLIP * usual)).mean())


def _tail(far: Floats) -> tuple[float, float]:
    """
    Degrees of freedom, and the matching scale, by maximum likelihood; normal unless clearly not.

    Beyond three deviations only the number of errors counts, less the few that may have been faults: how far
    out a fault was says nothing about chance.
    """
    size = np.abs(_ones_in_a_row(far))
    if len(size) < LEAST_GROUP:
        return MOST_FREEDOM, 1.0
    place, count = np.unique(size[size < BULK] // BIN, return_counts=True)
    at = (place[:, None] + 0.5) * BIN / SCALES[None, :]
    beyond = max(int((size >= BULK).sum()) - FAULTS - len(size) // FAULTS_PART, 0)
    outer = np.log(np.maximum(special.ndtr(-BULK / SCALES), 1e-300))
    normal = count @ (-(at**2) / 2 - np.log(2 * np.pi * SCALES**2) / 2) + beyond * outer
    best, chosen = float(normal.max()) + SURELY, (MOST_FREEDOM, 1.0)
    for freedom in FREEDOMS:
        constant = special.gammaln((freedom + 1) / 2) - special.gammaln(freedom / 2)
        constant -= np.log(freedom * np.pi) / 2
        likely = count @ (constant - (freedom + 1) / 2 * np.log1p(at**2 / freedom) - np.log(SCALES))
        likely = likely + beyond * np.log(special.stdtr(freedom, -BULK / SCALES))
        if likely.max() > best:
            best, chosen = float(likely.max()), (freedom, float(SCALES[int(np.argmax(likely))]))
    return chosen


def _ones_in_a_row(far: Floats) -> Floats:
    """Without those that follow one as far out on the same side: a bad day is one surprise, not hundreds."""
    side = np.where(np.abs(far) > BULK, np.sign(far), 0.0)
    again = np.append(False, (side[1:] != 0) & (side[1:] == side[:-1]))
    return np.asarray(far[~again])
