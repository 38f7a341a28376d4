"""
How far slices scatter beyond counting: each by its own past, shrunk towards slices of its size.

A few dozen windows say little about one slice's scatter, and estimates that are too low by chance are what
causes false alarms. Thousands of slices of the same table say much, and those of the same dimensions more
than others: what people read on a phone is a steady part, what they read of a section is not.

Source:
    A variance shrunk to a trend over all, and the degrees of freedom that this is worth: Smyth (2004),
    "Linear models and empirical Bayes methods", Stat. Appl. Genet. Mol. Biol. 3(1), with counts' trend over
    the mean as in Lund, Nettleton, McCarthy & Smyth (2012), ibid. 11(5). How far each group is off the trend,
    shrunk to it if few slices say so: James & Stein (1961), with the variance between groups by moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln, polygamma, stdtrit

from domain.detection.data.counts import Floats

Groups = npt.NDArray[np.int64]

CLIP = 3.0  # multiples of their usual size, up to which surprises count
MAD_TO_SD = 1.4826
LEAST_KNOWN, UNKNOWN = 4, 4.0  # surprises needed to estimate a dispersion, and its value with fewer
LEAST_POOL, LEAST_ROWS = 30, 5.0  # slices, with so many rows, needed to learn a trend
MOST_FREEDOM = 200.0  # beyond, Student's distribution is as good as normal
TAIL = (0.90, 0.999)  # quantiles of the sizes of surprises by which their tail is judged
FREEDOMS = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 50.0, MOST_FREEDOM)  # candidates for a group's own
LEAST_OWN, MOST_OWN = 50, 1_000  # surprises of a group by which its own tail is judged
WORTH_OF_ALL = 40.0  # the number of its own surprises that all groups together count for in a group's tail
TREND_ROUNDS, BISECTIONS = 6, 40
ODD = 4.0  # multiple of the trend beyond which a slice counts the less towards it, the further off it is


@dataclass(frozen=True)
class Overdispersion:
    """
    (n_slices,) multiples of a Poisson's variance, ≥ 1; and the `freedom` of the Student's distribution that
    surprises follow in units of it.
    """

    dispersion: Floats
    freedom: Floats


def dispersion_of(surprises: Floats) -> Floats:
    """
    Variance of the surprises (n_windows, n_slices), at least 1: each counts up to three times their usual
    size, which is derived from their median or 90 % point, whichever is larger.

    Sorted by hand, with NaN last: `nanquantile` processes thousands of slices one by one.

    Source:
        One step from a robust start to an efficient estimate: Huber (1981), Robust Statistics, ch. 6.
    """
    if not len(surprises):
        return np.full(surprises.shape[1], UNKNOWN)
    size = np.abs(surprises)
    size.sort(axis=0)
    count = np.isfinite(size).sum(axis=0)
    columns = np.arange(surprises.shape[1])
    last = np.maximum(count - 1, 0)
    middle = size[last // 2, columns]
    outer = size[np.round(0.9 * last).astype(int), columns]
    usual = np.maximum(MAD_TO_SD * middle, outer / 1.645)
    np.minimum(size, CLIP * usual, out=size)
    size[np.isnan(size)] = 0.0
    factor = np.square(size, out=size).sum(axis=0) / np.maximum(count, 1)
    return np.asarray(np.where(count >= LEAST_KNOWN, np.maximum(factor, 1.0), UNKNOWN), dtype=np.float64)


def cluster_size_of(surprises: Floats, due: Floats) -> Floats:
    """
    (n_slices,) rows that come together, ≥ 1: the part of a slice's over-dispersion that does not reliably
    grow with how much is due.

    Rows in groups, such as the ten impressions of one request, scatter ten times as much as rows that come
    alone, in a small window as in a large one. A share that differs from window to window scatters rows the
    more, the more there are. The two are told apart by windows of different size: a least-squares fit of the
    squared surprises, each up to three times their usual size, on the rows due.

    Args:
        surprises: (n_windows, n_slices) in a Poisson's standard deviations, NaN where there is none.
        due: the same shape, rows expected.

    Source:
        Clusters' design effect: Kish (1965), Survey Sampling, ch. 5.
    """
    known = np.isfinite(surprises)
    count = known.sum(axis=0)
    squared = np.minimum(np.square(surprises), CLIP**2 * dispersion_of(surprises))
    y = np.where(known, squared, 0.0)
    x = np.where(known, due, 0.0)
    middle, level = x.sum(axis=0) / np.maximum(count, 1), y.sum(axis=0) / np.maximum(count, 1)
    off = np.where(known, x - middle, 0.0)
    width = np.maximum((off**2).sum(axis=0), 1e-9)
    slope = (off * y).sum(axis=0) / width
    left = np.where(known, y - level - off * slope, 0.0)
    error = np.sqrt((left**2).sum(axis=0) / np.maximum(count - 2, 1) / width)
    grows = np.where(count > LEAST_KNOWN, np.maximum(slope - error, 0.0), 0.0)
    return np.asarray(np.maximum(level - grows * middle, 1.0))


def overdispersion_of(
    surprises: Floats, rows: Floats, family: npt.NDArray[np.bool_], groups: Groups | None = None
) -> Overdispersion:
    """
    Args:
        surprises: (n_windows, n_slices) in a Poisson's standard deviations, NaN where there is none.
        rows: (n_slices,) that a window usually holds.
        family: (n_slices,) the kind of each: only slices of one kind resemble one another.
        groups: (n_slices,) within a kind, slices with the same number are more alike; None: all are equally.
    """
    dispersion, freedom = np.ones(len(rows)), np.ones(len(rows))
    group = np.zeros(len(rows), dtype=np.int64) if groups is None else groups
    for kind in np.unique(family):
        members = family == kind
        one = _of_one_kind(surprises[:, members], rows[members], group[members])
        dispersion[members], freedom[members] = one.dispersion, one.freedom
    return Overdispersion(dispersion, freedom)


def _of_one_kind(surprises: Floats, rows: Floats, groups: Groups) -> Overdispersion:
    own = dispersion_of(surprises)
    known = np.isfinite(surprises).sum(axis=0)
    freedom = np.maximum(known - 1.0, 1.0)
    pool = (known >= LEAST_KNOWN) & (rows >= LEAST_ROWS)
    if pool.sum() < LEAST_POOL:
        return Overdispersion(own, np.minimum(freedom, MOST_FREEDOM))
    trend = _trend(own[pool], rows[pool], rows)
    trend = np.maximum(trend * _levels(_beyond(own / trend, freedom), pool, groups), 1.0)
    prior = _prior_freedom(_beyond(own[pool] / trend[pool], freedom[pool]), freedom[pool])
    drawn = (prior * trend + freedom * own) / (prior + freedom)
    dispersion = np.maximum(np.where(known >= LEAST_KNOWN, drawn, np.maximum(trend, UNKNOWN)), 1.0)
    like = pool & (own <= ODD * trend)
    tails = _tails(np.abs(surprises) / np.sqrt(dispersion), like, groups)
    return Overdispersion(dispersion, np.minimum(prior + freedom, tails))


def _trend(own: Floats, known_rows: Floats, rows: Floats) -> Floats:
    """(n_slices,) what slices of that many rows have: bursts of any size, and a part that grows."""
    each = np.column_stack([np.ones(len(own)), known_rows])
    burst, growth = max(float(np.median(own)), 0.1), 0.0
    for _round in range(TREND_ROUNDS):
        fit = burst + growth * known_rows
        # A value that has only just appeared is off by all its rows: it says nothing about how the others
        # scatter.
        weight = np.square(np.minimum(1.0, ODD * fit / own) / fit)
        (a, b), (c, d) = (each * weight[:, None]).T @ each
        one, two = (each * weight[:, None]).T @ own
        determinant = max(a * d - b * c, 1e-12)
        growth = max((a * two - c * one) / determinant, 0.0)
        burst = max((one - b * growth) / a, 0.1)
    return np.asarray(np.maximum(burst + growth * rows, 1.0))


def _beyond(ratio: Floats, freedom: Floats) -> Floats:
    """Logarithms of estimated variances over others, corrected for the average bias of such an estimate."""
    return np.asarray(np.log(np.maximum(ratio, 1e-3)) - digamma(freedom / 2) + np.log(freedom / 2))


def _levels(beyond: Floats, pool: npt.NDArray[np.bool_], groups: Groups) -> Floats:
    """(n_slices,) by which multiple of the trend the slices of each group scatter."""
    names, place = np.unique(groups, return_inverse=True)
    if len(names) == 1:
        return np.ones(len(groups))  # they follow the trend
    count, off = np.bincount(place, pool), np.where(pool, beyond, 0.0)
    known = np.maximum(count, 1)
    mean = np.bincount(place, off) / known
    apart = np.where(pool, off - mean[place], 0.0)
    within = float((apart**2).sum() / max(count.sum() - (count > 0).sum(), 1))
    between = float((count * mean**2).sum() - within * (count > 0).sum()) / float(count.sum())
    between = max(between, 0.0)
    return np.asarray(np.exp(mean * between / np.maximum(between + within / known, 1e-9))[place])


def _prior_freedom(off: Floats, freedom: Floats) -> float:
    """How many windows the trend is worth: the more, the more alike slices of a size are."""
    low, high = np.quantile(off, (0.1, 0.9))
    beyond = ((high - low) / 2.5631) ** 2 - float(polygamma(1, freedom / 2).mean())
    return _inverse_trigamma(beyond) * 2 if beyond > polygamma(1, MOST_FREEDOM / 2) else MOST_FREEDOM


def _inverse_trigamma(value: float) -> float:
    low, high = 1e-2, MOST_FREEDOM
    for _step in range(BISECTIONS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if float(polygamma(1, middle)) > value else (low, middle)
    return low


def _tails(size: Floats, like: npt.NDArray[np.bool_], groups: Groups) -> Floats:
    """(n_slices,) the freedom of the tail of (n_windows, n_slices) `size` in each group."""
    found = np.full(len(groups), _tail(size[:, like]) if like.any() else MOST_FREEDOM)
    names = np.unique(groups)
    if len(names) == 1 or not like.any():
        return found
    of_all = _likelihoods(size[:, like]).mean(axis=1)
    for name in names:
        own = _likelihoods(size[:, like & (groups == name)])
        if own.shape[1] >= LEAST_OWN:
            found[groups == name] = FREEDOMS[int(np.argmax(own.sum(axis=1) + WORTH_OF_ALL * of_all))]
    return found


def _likelihoods(size: Floats) -> Floats:
    """
    (n_freedoms, n) log likelihoods of a subset of the sizes, by Student's distributions as wide as these.
    """
    known = size[np.isfinite(size)]
    known = known[:: max(len(known) // MOST_OWN, 1)]
    if not len(known):
        return np.zeros((len(FREEDOMS), 0))
    freedom = np.array(FREEDOMS)
    wide = max(float(np.quantile(known, TAIL[0])), 1e-9) / stdtrit(freedom, (1 + TAIL[0]) / 2)
    found = np.log1p(np.square(known / wide[:, None]) / freedom[:, None])
    level = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - np.log(freedom) / 2 - np.log(wide)
    return np.asarray(level[:, None] - (freedom[:, None] + 1) / 2 * found)


def _tail(size: Floats) -> float:
    """The degrees of freedom of a Student's distribution whose tail is as heavy as that of (any,) `size`."""
    near, far = np.nanquantile(size, TAIL)
    wanted, points = float(far / max(near, 1e-9)), (1 + np.array(TAIL)) / 2
    low, high = 2.0, MOST_FREEDOM
    for _step in range(BISECTIONS):
        middle = (low * high) ** 0.5
        one, other = stdtrit(middle, points)
        low, high = (middle, high) if other / one > wanted else (low, middle)
    return float(high)
