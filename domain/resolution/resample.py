"""The Bayesian bootstrap behind prices, and how far groups differ beyond chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.values import Estimate

Floats = npt.NDArray[np.float64]

RESAMPLES = 500
SAME = 1e-9  # relative difference of draws that differ only by rounding
LOW, HIGH = 5.0, 95.0  # percentiles of the 90 % interval
LEAST_GROUPS = 5  # needed to estimate heterogeneity


def resample(who: pd.Series, weights: Floats, seed: int) -> Floats:
    """
    (1 + RESAMPLES, n_requests) what each request counts for; the first row is as it was found.

    Args:
        who: (n_requests,) whose request it is: those of one member are drawn together, as they are alike.
        weights: (n_requests,) what each counts for in the log.

    Source:
        Rubin (1981), The Bayesian bootstrap; by clusters, Cameron, Gelbach & Miller (2008), Rev. Econ. Stat.
    """
    members = pd.factorize(who)[0]
    drawn = np.random.default_rng(seed).standard_exponential((RESAMPLES, members.max(initial=-1) + 1))
    return np.vstack([np.ones(len(members)), drawn[:, members]]) * weights


def normal(seed: int) -> Floats:
    """(1 + RESAMPLES,) standard normal draws; the first, as found, is 0."""
    return np.append(0.0, np.random.default_rng(seed).standard_normal(RESAMPLES))


def uniform(seed: int) -> Floats:
    """(1 + RESAMPLES,) draws between −1 and 1; the first, as found, is 0."""
    return np.append(0.0, np.random.default_rng(seed).uniform(-1, 1, RESAMPLES))


def heterogeneity(ratios: Floats, variances: Floats) -> float:
    """
    The standard deviation of `ratios`, (n_groups,), around their mean beyond chance; ≥ 0. A few groups say
    little about it, so the result is widened by the ratio of Student's t to the normal.

    Args:
        variances: (n_groups,) the variance of each ratio by chance alone.

    Returns:
        NaN with fewer than 5 groups.

    Source:
        DerSimonian & Laird (1986), Control. Clin. Trials 7, with equal weights (Hedges & Olkin 1985).
    """
    known = np.isfinite(ratios) & np.isfinite(variances)
    count = int(known.sum())
    if count < LEAST_GROUPS:
        return float("nan")
    beyond = float(ratios[known].var(ddof=1) - variances[known].mean())
    return float(np.sqrt(max(beyond, 0.0) * (count + 1) / max(count - 3, 1)))


def estimate(draws: Floats, unit: str, basis: str) -> Estimate:
    """
    The first of `draws` with the 90 % interval of the others; not known where they are not numbers, or where
    all are the same, as then nothing in the log says how far off it may be.
    """
    value, others = float(draws[0]), draws[1:][np.isfinite(draws[1:])]
    if not np.isfinite(value) or len(others) < RESAMPLES / 2:
        return Estimate(value=None, unit=unit, basis=basis)
    low, high = np.percentile(others, [LOW, HIGH])
    if np.ptp(others) <= SAME * max(abs(value), 1.0):
        return Estimate(value=None, unit=unit, basis=basis)
    return Estimate(
        value=value, low=min(float(low), value), high=max(float(high), value), unit=unit, basis=basis
    )
