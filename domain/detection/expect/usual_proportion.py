"""
What share of a slice's rows is usually wrong, and how surprising the share in the last window is.

A beta-binomial: its mean comes from the slice's own past, its over-dispersion from how the past windows
differ among themselves, plus the uncertainty that so short a past leaves in the mean. One or two bad windows
in the past were outages and teach nothing.

Windows differ because each has its own share, or because rows come in groups that are wrong together, such as
the candidates of one request. The first effect fades in a window of few rows, the second does not; the past
seldom tells them apart, so a window smaller than those of the past is assumed to scatter as they do (the
design effect of a sample of clusters).

Source:
    Correlation of two rows of one window by moments: Williams (1982), J. R. Stat. Soc. C 31(2). The design
    effect of clusters: Kish (1965), Survey Sampling, ch. 5. The prior is that of Jeffreys: half a bad row
    in one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.expect.beta_binomial import MOST_CORRELATION, beta_binomial_tails

LEAST_WINDOWS = 3  # windows with rows needed before anything is usual
OUTAGES = 2  # windows of the past that may be left out
OUTAGE_SD, OUTAGE_SHARE = 8.0, 0.02  # how far from the others a window must lie to be an outage
BLOCK = 512  # slices processed at a time, so that thousands of them need no gigabytes


@dataclass(frozen=True)
class UsualProportions:
    """
    (n_cells, n_columns): usual share of bad rows, correlation of two rows of a new window, and the rows of a
    window that this was learned from; ≥ 0.
    """

    share: Floats
    correlation: Floats
    typical: Floats

    @classmethod
    def without_scatter(cls, share: Floats) -> UsualProportions:
        """The case in which each row is wrong independently: a binomial."""
        return cls(share, np.zeros(share.shape), np.zeros(share.shape))

    def of(self, column: int) -> UsualProportions:
        """The same of one column alone."""
        return UsualProportions(*(one[:, [column]] for one in (self.share, self.correlation, self.typical)))

    def dispersion(self, n: Floats) -> Floats:
        """(n_cells, n_columns) multiple of a binomial's variance among `n` rows; ≥ 1, ≤ n."""
        rows = np.maximum(n, 1.0)
        learned = 1 + self.correlation * np.maximum(np.maximum(rows, self.typical) - 1, 0.0)
        return np.asarray(np.minimum(learned, rows))

    def p_values(self, bad: Floats, rows: Floats) -> Floats:
        """
        (n_cells, n_columns) probabilities of at least so many `bad` (of the same shape) among `rows`
        (n_cells,).
        """
        n = np.broadcast_to(np.maximum(rows, 1.0)[:, None], bad.shape)
        dispersion = self.dispersion(n)
        p_values = np.ones(bad.shape)
        more = bad > self.share * n  # fewer than usual are not surprising here
        if more.any():
            _low, high = beta_binomial_tails(bad[more], n[more], self.share[more], dispersion[more])
            p_values[more] = np.clip(high, 0.0, 1.0)
        return p_values

    def most(self, rows: Floats, deviations: float = 1.96) -> Floats:
        """(n_cells, n_columns) bad rows that are still usual."""
        n = np.maximum(rows, 1.0)[:, None]
        variance = self.dispersion(n) * n * self.share * (1 - self.share)
        return np.asarray(np.minimum(n * self.share + deviations * np.sqrt(variance), n))


def usual_proportions(rows: Floats, bad: Floats) -> UsualProportions:
    """
    What is usual in windows (n_windows, n_cells) and (n_windows, n_cells, n_columns) of the past.

    >>> past = np.full((10, 1), 100.0)
    >>> rates = usual_proportions(past, np.full((10, 1, 1), 5.0))
    >>> bool(rates.p_values(np.array([[30.0]]), np.array([100.0]))[0, 0] < 1e-6), rates.share.round(2)
    (True, array([[0.05]]))
    """
    parts = [
        _expected(rows[:, at : at + BLOCK, None], bad[:, at : at + BLOCK])
        for at in range(0, max(bad.shape[1], 1), BLOCK)
    ]
    return UsualProportions(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def _expected(rows: Floats, bad: Floats) -> tuple[Floats, Floats, Floats]:
    n = np.where(_outages(rows, bad), 0.0, rows)
    b = np.where(n > 0, bad, 0.0)
    seen, windows = n.sum(axis=0), (n > 0).sum(axis=0)
    share = (b.sum(axis=0) + 0.5) / (seen + 1)
    squares = ((b - n * share) ** 2 / (share * (1 - share))).sum(axis=0)
    squares *= windows / np.maximum(windows - 1, 1)
    pairs = (n * (n - 1)).sum(axis=0)
    correlation = np.clip((squares - seen) / np.maximum(pairs, 1.0), 0.0, MOST_CORRELATION)
    # Few windows say little about how windows differ: like the mean of an F over that of a chi-square.
    correlation *= np.where(windows > 3, (windows - 1) / np.maximum(windows - 3, 1), 3.0)
    typical = pairs / np.maximum(seen, 1.0)
    unknown = (1 + correlation * typical) / (seen + 1)
    return share, np.minimum(correlation + unknown, MOST_CORRELATION), typical


def _outages(rows: Floats, bad: Floats) -> npt.NDArray[np.bool_]:
    """(n_windows, n_cells, n_columns): the one or two windows that lie far above all others."""
    rate = bad / np.maximum(rows, 1.0)
    if len(rate) < LEAST_WINDOWS + OUTAGES:
        return np.zeros(rate.shape, dtype=bool)
    limit = np.sort(rate, axis=0)[-OUTAGES - 1]
    others = np.where(rate <= limit, rate, np.nan)
    mean, spread = np.nanmean(others, axis=0), np.nanstd(others, axis=0)
    counting = np.sqrt((mean * (1 - mean) + 1 / np.maximum(rows, 1.0)) / np.maximum(rows, 1.0))
    far = np.maximum(OUTAGE_SD * np.maximum(spread, counting), OUTAGE_SHARE)
    return np.asarray((rate > limit) & (rate > mean + far))
