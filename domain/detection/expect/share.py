"""
What share of the total a slice should have, from its own past, for thousands of slices at once.

An exponentially forgetting mean of the share, with a window's surprise clipped so that a bad day teaches
little; what other slices of its values do in the same window (`crossed_effects`); over-dispersion from the
remaining one-step surprises, so that drift and season count as scatter. A beta-binomial whose scatter is
itself an estimate.

Source:
    Skellam (1948), J. R. Stat. Soc. B 10(2); its correlation as the measure of over-dispersion: Williams
    (1982), J. R. Stat. Soc. C 31(2).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtr

from domain.detection.data.counts import Floats
from domain.detection.expect.beta_binomial import MOST_CORRELATION, beta_binomial_tails
from domain.detection.expect.crossed_effects import CrossedEffects, Margins, chunks, learn_crossed_effects
from domain.detection.expect.overdispersion import (
    CLIP,
    Groups,
    cluster_size_of,
    dispersion_of,
    overdispersion_of,
)
from domain.detection.expect.seasonal_profile import Keys, SeasonalProfiles, learn_profiles

HALF_LIFE_WINDOWS = 14.0
HOLIDAY = 0.35  # how much shares may differ on a holiday, in logarithms: one country's holiday is its own
LEAST_LEFT = 0.02  # least part of the total beside a slice
WARM_UP = 5  # windows before surprises are counted


@dataclass(frozen=True)
class Shares:
    """
    (n_slices,) share expected from the past, rows that come together (1: each alone), correlation of two rows
    of one window (0: a binomial), windows learned from, degrees of freedom of the surprises, and how slices
    follow others in the last window.
    """

    past: Floats
    cluster_size: Floats
    correlation: Floats
    learned: npt.NDArray[np.int64]
    freedom: Floats
    crossed: CrossedEffects | None
    factor: Floats

    @property
    def share(self) -> Floats:
        """(n_slices,) given what other slices hold in the last window."""
        return np.asarray(np.clip(self.past * self.factor, 0.0, 1.0))

    def on_holiday(self, part: float) -> Shares:
        """The same in a window of which this part is a holiday: nobody knows what shares are then."""
        variance = (part * HOLIDAY) ** 2 * self.past / np.maximum(1 - self.past, LEAST_LEFT)
        return replace(self, correlation=np.minimum(self.correlation + variance, MOST_CORRELATION))

    def expected(self, n: float) -> Floats:
        """(n_slices,) rows that a total of `n` should hold, if the total itself is right."""
        return self.share * n

    def scatter(self, n: float) -> Floats:
        """
        (n_slices,) multiple of a binomial's variance if each row comes alone and its share scatters; ≥ 1.
        """
        return np.asarray(1 + self.correlation * max(n - 1, 0.0))

    def dispersion(self, n: float) -> Floats:
        """
        (n_slices,) multiple of a binomial's variance in a total of `n`; ≥ 1.

        If the share scatters, counting noise hides it in a small total and not in a large one: a busy hour is
        further off its expectation than a factor learned over the whole day says. Rows that come together
        scatter as much in the smallest total.
        """
        return np.maximum(self.scatter(n), self.cluster_size)


@dataclass(frozen=True)
class Whole:
    """
    What the total would be without what is wrong with a slice, for thousands of slices at once.

    (n_slices,) its `rows`, and their basis: `alone` is 1 where they come from the other slices, 0 where they
    are the observed rows, or the usual ones.
    """

    rows: Floats
    alone: Floats

    def expected(self, share: Floats) -> Floats:
        """(n_slices,) rows that slices with such shares should hold."""
        return self.rows * share

    def deviation(self, share: Floats, dispersion: Floats) -> Floats:
        """
        (n_slices,) the deviation of that by chance, in rows.

        Args:
            dispersion: multiple of a binomial's variance.
        """
        return np.asarray(np.sqrt(dispersion * self.rows * share * (1 - share)) * self.weight(share))

    def weight(self, share: Floats) -> Floats:
        """
        (n_slices,) how many rows a slice is off by for each one it holds above its share of the total; ≥ 1.

        A slice that is most of the total, and is compared with the rest, is compared with few rows.
        """
        return np.asarray(1 + self.alone * share / np.maximum(1 - share, LEAST_LEFT))


def whole_of(observed: Floats, n: float, share: Floats, usual: float | None) -> Whole:
    """
    The total of `n` rows as it would be if each slice were as it should be.

    A slice that is most of a total moves the total: if one with 62 % has 2.5 times its rows, it is 80 % of
    the new total, 1.3 times its share. The other slices say what the total should be without it, and so does
    its own past: `usual` rows (None: not known). If the two disagree, the one nearer to the observed rows is
    used: part of the change may be the whole table's.

    Args:
        observed, share: (n_slices,) rows of each, and its share of the total.
    """
    left = 1 - share
    apart = np.where(left < LEAST_LEFT, n, (n - observed) / np.maximum(left, LEAST_LEFT))
    rows = np.clip(n if usual is None else usual, np.minimum(n, apart), np.maximum(n, apart))
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(apart == n, 0.0, (rows - n) / (apart - n))
    return Whole(np.asarray(rows), np.asarray(alone))


def expect_shares(
    total: Floats,
    rows: Floats,
    usable: npt.NDArray[np.bool_],
    half_life: float = HALF_LIFE_WINDOWS,
    keys: Keys | None = None,
    margins: Margins | None = None,
    groups: Groups | None = None,
) -> Shares:
    """
    The shares expected in the last window, from the windows before it.

    Args:
        total: (n_windows,) and rows: (n_windows, n_slices) counts.
        usable: (n_windows, n_slices) which windows each slice may learn from.
        keys: (n_windows,) the hour or weekday of each, from `profile_keys`; None: slices have no profile.
        margins: from `margins_of`, if slices may follow others; then the other slices' rows in the last
            window are used.
        groups: (n_slices,) a number for the dimensions of each: slices with the same number scatter alike.
    """
    profiles = None if keys is None else learn_profiles(total, rows, np.asarray(usable.all(axis=1)), keys)
    walk = _Walk(total, rows, usable, profiles)
    for window in np.flatnonzero(total[:-1] > 0).tolist():
        walk.learn(window, 0.5 ** (1.0 / half_life))
    learned = (total > 0) & usable.any(axis=1)
    usual = float(np.median(total[:-1][learned[:-1]])) if learned[:-1].any() else 1.0
    now = walk.hits / (walk.seen + 0.5) * _usual(profiles, len(total) - 1, None, float(total[-1]))
    past = np.minimum(now, 1.0)
    crossed, factor, alike = None, np.ones(len(past)), np.zeros(len(past), dtype=bool)
    if margins is not None and len(margins.slices):
        crossed = walk.followed(margins)
        factor = crossed.factor(rows[-1:], past[None] * float(total[-1]))[0]
        alike[margins.slices] = True
    scatter = overdispersion_of(walk.surprises, walk.hits / walk.seen * usual, alike, groups)
    cluster_size = np.minimum(cluster_size_of(walk.surprises, walk.due), scatter.dispersion)
    correlation = np.minimum((scatter.dispersion - 1) / max(usual - 1, 1.0), MOST_CORRELATION)
    return Shares(past, cluster_size, correlation, walk.started, scatter.freedom, crossed, factor)


@dataclass
class _Walk:
    """
    What is learned about each slice, window by window.

    Its share is `hits` of `seen`; `due` and `surprises` are (n_windows, n_slices): rows predicted by its own
    past, and how far off it was, NaN where nothing was to be learned.
    """

    total: Floats
    rows: Floats
    usable: npt.NDArray[np.bool_]
    profiles: SeasonalProfiles | None
    hits: Floats = field(init=False)
    seen: Floats = field(init=False)
    started: npt.NDArray[np.int64] = field(init=False)
    due: Floats = field(init=False)
    surprises: Floats = field(init=False)
    first: npt.NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is known at first."""
        windows, slices = len(self.total) - 1, self.rows.shape[1]
        self.first = np.arange(slices) < 2  # a single column is added up in a different order
        self.hits, self.seen = np.full(slices, 0.5), np.full(slices, 1.0)
        self.started = np.zeros(slices, dtype=np.int64)
        self.due, self.surprises = np.full((2, windows, slices), np.nan)

    def learn(self, t: int, forget: float) -> None:
        """Learn one more window."""
        rows, learn, warm = self.rows[t], self.usable[t], self.started >= WARM_UP
        whole = float(self.total[t])
        n = whole * _usual(self.profiles, t, rows if learn.all() else None, whole)
        share = np.clip(self.hits / self.seen, 1e-9, 1 - 1e-9)
        due = self.due[t] = n * share
        scale = np.sqrt(due * (1 - share))
        z = (rows - due) / scale
        self.surprises[t] = np.where(learn & warm, z, np.nan)
        far = np.flatnonzero((np.abs(z) > CLIP) | self.first)  # the others are within any limit
        limit = CLIP * np.sqrt(_running(self.surprises[:t], far, t))
        z[far] = np.clip(z[far], -limit, limit)
        taught = np.where(warm, due + z * scale, rows)
        self.hits = np.where(learn, self.hits * forget + taught, self.hits)
        self.seen = np.where(learn, self.seen * forget + n, self.seen)
        self.started = self.started + learn

    def followed(self, margins: Margins) -> CrossedEffects:
        """How slices follow others, once all are learned; surprises are recalculated with that."""
        rows = self.rows[:-1]
        crossed = learn_crossed_effects(margins, self.surprises, rows, self.due)
        for some in chunks(len(rows), len(margins.slices)):
            alone = np.nan_to_num(self.due[some])
            then = alone * crossed.factor(rows[some], alone)
            share = np.minimum(then / np.maximum(self.total[:-1][some, None], 1.0), 1 - 1e-9)
            z = (rows[some] - then) / np.sqrt(np.maximum(then * (1 - share), 1e-9))
            self.surprises[some] = np.where(np.isfinite(self.surprises[some]), z, np.nan)
        return crossed


def _usual(
    profiles: SeasonalProfiles | None, window: int, rows: Floats | None, total: float
) -> Floats | float:
    return 1.0 if profiles is None else profiles.factor(window, rows, total)


def _running(surprises: Floats, places: npt.NDArray[np.intp], t: int) -> Floats:
    """
    Over-dispersion of the slices at `places` so far, at least 1, refreshed now and then: clipping needs only
    its order of magnitude.
    """
    if t < 2 * WARM_UP:
        return np.full(len(places), 16.0)
    return dispersion_of(surprises[max(0, t - 28) :: max(1, min(t, 28) // 14)].take(places, axis=1))


def share_p_values(
    observed: Floats,
    n: Floats | float,
    share: Floats,
    dispersion: Floats | float,
    freedom: Floats | float = np.inf,
    cluster_size: Floats | float = 1.0,
) -> Floats:
    """
    Two-sided p-values of counts out of `n`, beta-binomial with `dispersion` times a binomial's variance.

    Rows that come together are counted as one: three requests of ten rows each go missing as easily as three
    rows.

    Args:
        observed, share: (n_slices,); n, dispersion: scalar or (n_slices,).
        cluster_size: rows that come together, 1 ≤ cluster_size ≤ dispersion, the same shape.
        freedom: of the estimate of `dispersion`, the same shape: the normal score of the beta-binomial's
            result is treated as one of a Student's distribution.
    """
    total = np.broadcast_to(np.maximum(np.asarray(n, dtype=float) / cluster_size, 1.0), observed.shape)
    groups = np.clip(observed / cluster_size, 0.0, total)
    low, high = beta_binomial_tails(groups, total, np.clip(share, 1e-9, 1 - 1e-9), dispersion / cluster_size)
    one_sided = np.clip(np.minimum(low, high), 0.0, 0.5)
    return np.asarray(2 * stdtr(freedom, ndtri(one_sided)), dtype=np.float64)
