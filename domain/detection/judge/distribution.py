"""
How far apart two histograms are, and how surprising that is.

The chi-square of two samples, over the scatter that past windows show among themselves (quasi-likelihood):
if days differ anyway, one more day that differs is no surprise.

Source:
    Rao & Scott (1981), J. Am. Stat. Assoc. 76(374), and Satterthwaite (1946), Biometrics Bulletin 2(6), for
    the scaled chi-square; the population stability index is the divergence J of Kullback & Leibler (1951),
    Ann. Math. Stat. 22(1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from domain.detection.data.counts import Floats

LEAST_EXPECTED = 5.0  # rows of the judged window in a bin; bins with fewer are merged
SURE = 2.0  # standard errors by which windows must differ before that is believed
UNSURE = 0.5  # the same, if they differ along few directions
SKEW = 0.7  # a few windows mostly underestimate so skewed a scatter; found by simulation
MOST_CORRELATION = 0.5


def population_stability(reference: Floats, current: Floats) -> float:
    """
    Population stability index of two histograms (n_bins,), counts ≥ 0: unitless, 0 if the shares agree;
    an empty bin counts as half a row.

    >>> population_stability(np.array([50.0, 50.0]), np.array([500.0, 500.0])) < 1e-4
    True
    """
    p, q = (np.maximum(one, 0.5) / np.maximum(one, 0.5).sum() for one in (reference, current))
    return float(((q - p) * np.log(q / p)).sum())


def total_variation(reference: Floats, current: Floats) -> Floats:
    """
    The share of rows that would have to move, over the last axis: 0 alike, 1 nothing in common.

    >>> float(total_variation(np.array([50.0, 50.0]), np.array([80.0, 20.0]))).__round__(2)
    0.3
    """
    p, q = (one / np.maximum(one.sum(axis=-1, keepdims=True), 1e-9) for one in (reference, current))
    return np.asarray(np.abs(p - q).sum(axis=-1) / 2)


def moved_by(edges: Floats, reference: Floats, current: Floats) -> float:
    """
    Wasserstein distance of two histograms (n_bins,) in the unit of `edges` (n_bins + 1,): how far a row moved
    on average. Values are assumed to be evenly spread within a bin.

    >>> moved_by(np.array([0.0, 1.0, 2.0]), np.array([10.0, 0.0]), np.array([0.0, 10.0]))
    1.0
    """
    p, q = (one / max(one.sum(), 1e-9) for one in (reference, current))
    off = np.concatenate([[0.0], np.cumsum(q - p)])
    low, high, width = off[:-1], off[1:], np.diff(edges)
    crosses = low * high < 0
    same = (np.abs(low) + np.abs(high)) / 2
    across = (low**2 + high**2) / (2 * np.maximum(np.abs(low) + np.abs(high), 1e-300))
    return float((np.where(crosses, across, same) * width).sum())


@dataclass(frozen=True)
class Surprise:
    """(n_cells,) p-values, the share of rows that moved, and the share that usually moves."""

    p_values: Floats
    moved: Floats
    usual: Floats


def compare(past: Floats, current: Floats, reference: Floats | None = None) -> Surprise:
    """
    Compare the judged histograms with those of past windows; or with a `reference`, in which case past
    windows only say how far windows scatter.

    Args:
        past: (n_windows, n_cells, n_bins) counts; current: (n_cells, n_bins); reference: the same.

    Returns:
        p = 1 if there is nothing to compare: no rows on one side, or a single bin.
    """
    windows = len(past)
    rows, current = _together(past if reference is None else np.concatenate([past, reference[None]]), current)
    past, n = rows[:windows], rows[:windows].sum(axis=-1)
    whole, now = (past.sum(axis=0) if reference is None else rows[-1]), current.sum(axis=-1)
    bins = (whole + current > 0).sum(axis=-1)
    freedom = np.maximum(bins - 1, 1).astype(float)
    square, effective = _square(whole, current)
    scatter = np.ones(len(now))
    below = np.full(len(now), np.inf)
    usual = np.sqrt(2 * freedom / np.pi / np.maximum(effective, 1.0)) / 2
    if windows > 1:
        others = past.sum(axis=0)[None] - past
        squares, sizes = _square(others, past)
        squares = np.where(n > 0, squares, np.nan)
        correlation, freedom, counted = _scatter(squares / freedom, sizes, freedom, n > 0)
        scatter = 1 + correlation * effective
        below = np.where(correlation > 0, freedom * np.maximum(counted - 1, 1), np.inf)
        moved_then = np.where(n > 0, total_variation(others, past), np.nan)
        usual = np.where(counted > 0, _mean(moved_then), usual)
    ratio = square / np.maximum(bins - 1, 1) / scatter
    p_values = np.where(
        np.isinf(below),
        stats.chi2.sf(ratio * freedom, freedom),
        stats.f.sf(ratio, freedom, np.where(np.isinf(below), 1.0, below)),
    )
    known = (bins > 1) & (now > 0) & (whole.sum(axis=-1) > 0)
    moved = total_variation(whole, current)
    return Surprise(np.where(known, p_values, 1.0), np.where(known, moved, 0.0), usual)


def _square(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """The chi-square of two samples over the last axis, and the number of rows that it rests on."""
    big, small = reference.sum(axis=-1), current.sum(axis=-1)
    effective = 1 / (1 / np.maximum(big, 1e-9) + 1 / np.maximum(small, 1e-9))
    share = (reference + current) / np.maximum(big + small, 1e-9)[..., None]
    off = current / np.maximum(small, 1e-9)[..., None] - reference / np.maximum(big, 1e-9)[..., None]
    terms = np.where(share > 0, off**2 / np.where(share > 0, share, 1.0), 0.0)
    return terms.sum(axis=-1) * effective, effective


def _scatter(
    ratios: Floats, sizes: Floats, freedom: Floats, held: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> tuple[Floats, Floats, Floats]:
    """
    From past windows' chi-squares over their degrees of freedom (n_windows, n_cells): the correlation of two
    rows of one window, the degrees of freedom that their own scatter shows, and the number of windows.
    """
    counted = held.sum(axis=0).astype(float)
    excess, size = _sum(ratios - 1), _sum(np.where(held, sizes, np.nan))
    error = np.sqrt(2 / freedom * np.maximum(counted, 1))
    correlation = np.where(excess > SURE * error, excess / np.maximum(size, 1e-9), 0.0)
    correlation = np.clip(correlation, 0.0, MOST_CORRELATION)
    scaled = ratios / (1 + correlation * sizes)
    variance = _sum((scaled - _mean(scaled)) ** 2) / np.maximum(counted - 1, 1)
    chance = 2 / freedom * (1 + UNSURE * np.sqrt((2 + 12 / freedom) / np.maximum(counted, 1)))
    shown = np.where((correlation > 0) & (variance > chance), SKEW * 2 / np.maximum(variance, 1e-9), freedom)
    return correlation, np.clip(shown, 1.0, freedom), counted


def _sum(values: Floats) -> Floats:
    return np.asarray(np.nansum(values, axis=0))


def _mean(values: Floats) -> Floats:
    held = np.isfinite(values).sum(axis=0)
    return np.asarray(np.nansum(values, axis=0) / np.maximum(held, 1))


def _together(past: Floats, current: Floats) -> tuple[Floats, Floats]:
    """
    Merge bins in which too few rows are expected; what is still too small joins the smallest of the others.
    Which ones are merged depends on the sum of both sides, and so not on how one differs from the other.
    """
    both = past.sum(axis=0) + current
    expected = both * (current.sum(axis=-1) / np.maximum(both.sum(axis=-1), 1e-9))[:, None]
    small = expected < LEAST_EXPECTED
    rest = np.where(small, expected, 0.0).sum(axis=-1)
    joins = (rest < LEAST_EXPECTED) & ~small.all(axis=-1)
    target = np.argmin(np.where(small, np.inf, expected), axis=-1)

    def one(counts: Floats) -> Floats:
        left = np.where(small, counts, 0.0).sum(axis=-1)
        kept = np.where(small, 0.0, counts)
        added = np.where(joins, left, 0.0)
        place = np.broadcast_to(target[..., None], (*left.shape, 1))
        onto = np.take_along_axis(kept, place, axis=-1) + added[..., None]
        np.put_along_axis(kept, place, onto, axis=-1)
        return np.concatenate([kept, np.where(joins, 0.0, left)[..., None]], axis=-1)

    return one(past), one(current)
