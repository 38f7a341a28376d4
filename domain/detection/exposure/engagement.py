"""
How often an item is chosen when it is seen: its own numbers, shrunk towards the others' if they are few.

What is shown further down is seen less. The attention that each position gets is learned from the same items
in different positions, so that it is not mistaken for the merit of what usually appears there.

Source:
    Gamma-Poisson empirical Bayes: Robbins (1956), Proc. 3rd Berkeley Symp.; Morris (1983), J. Am. Stat.
    Assoc. 78(381). Attention by position: the position-based model of Craswell, Zoeter, Taylor & Ramsey
    (2008), WSDM; learned from items that change positions: Agarwal, Zaitsev, Wang, Li, Najork & Joachims
    (2019), WSDM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize
from scipy.special import digamma, gammaln, polygamma

from domain.detection.data.counts import Floats
from domain.errors import TooFewRows

LEAST_CHOSEN = 10  # choices in all; with fewer, nothing is known about any item
ROUNDS, SETTLED = 12, 1e-3  # of attention against merit, and the tolerance at which positions have converged
SHAPE_BOUNDS = (-3.0, 9.0)  # log of the prior's shape: from all items different to all alike
MOST_WORTH = 2.0  # for a guide: how many times further apart rates may be than it says
FEW_PLACES = 0.5  # choices that stand for "positions do not differ", while a position has few of its own


@dataclass(frozen=True)
class Rates:
    """
    (n_items,) each: the posterior Gamma of an item's rate, `shape` / `rate`; unit: choices per impression.

    `shape` counts the evidence: the choices seen, plus those that the prior is worth.
    """

    shape: Floats
    rate: Floats

    @property
    def mean(self) -> Floats:
        """(n_items,) expected rates."""
        return self.shape / self.rate

    @property
    def log_mean(self) -> Floats:
        """(n_items,) expected logarithms of the rates."""
        return np.asarray(digamma(self.shape) - np.log(self.rate))

    @property
    def log_variance(self) -> Floats:
        """(n_items,) variances of the logarithms."""
        return np.asarray(polygamma(1, self.shape))


@dataclass(frozen=True)
class Engagement:
    """
    `items` (n_items,) with the posterior of their `rates`; `attention` by position (mean 1 over what was
    shown).

    `seen` (n_items,) impressions in units of average attention.
    """

    items: npt.NDArray[np.object_]
    rates: Rates
    attention: dict[int, float]
    seen: Floats


def shrink_rates(count: Floats, exposure: Floats, guide: Rates | None = None) -> Rates:
    """
    Each item's rate, between its own count / exposure and the rate of all items, or the one `guide` gives it.

    Args:
        count: (n_items,) events ≥ 0; exposure: (n_items,) what they came from, ≥ 0.
        guide: what other traffic says about the same items; how far it is borne out is learned.

    Returns:
        Posteriors under the Gamma priors that make the counts of all items most likely.

    >>> rates = shrink_rates(np.array([0.0, 30.0, 28.0, 60.0]), np.array([1.0, 300.0, 290.0, 300.0]))
    >>> bool(0.05 < rates.mean[0] < 0.2), bool(rates.mean[3] > rates.mean[1])
    (True, True)
    """
    hint, vague = np.zeros(len(count)), np.zeros(len(count))
    if guide is not None:
        hint = guide.log_mean - np.average(guide.log_mean, weights=exposure + 1e-9)
        vague = guide.log_variance
    level = np.log(max(float(count.sum()), 0.5) / max(float(exposure.sum()), 1e-9))
    seen = exposure > 0

    def prior(at: Floats) -> tuple[Floats, Floats]:
        """Shape and mean of each item's prior; one with a vague guide is wider."""
        return 1 / (np.exp(-at[1]) + at[2] ** 2 * vague), np.exp(at[0] + at[2] * hint)

    def unlikely(at: Floats) -> float:
        shape, mean = prior(at)
        k, m, r = count[seen], (mean * exposure)[seen], shape[seen]
        rising = gammaln(k + r) - gammaln(r) + r * np.log(r / (r + m))
        return -float(np.sum(rising + k * (np.log(np.maximum(m, 1e-300)) - np.log(r + m))))

    bounds = [(level - 3.0, level + 3.0), SHAPE_BOUNDS, (0.0, 0.0 if guide is None else MOST_WORTH)]
    start = np.array([level, 1.0, 0.0 if guide is None else 0.5])
    shape, mean = prior(optimize.minimize(unlikely, start, method="L-BFGS-B", bounds=bounds).x)
    return Rates(shape + count, shape / mean + exposure)


def estimate_engagement(shown: pd.DataFrame, guide: Engagement | None = None) -> Engagement:
    """
    Merit of every item in `shown`.

    Args:
        shown: columns item, position (1 the first; all alike where there is none), shown, chosen (counts).
        guide: merit as estimated from other traffic, followed as far as `shown` bears it out.

    Raises:
        TooFewRows: fewer than ten choices in all.
    """
    chosen_in_all = float(shown["chosen"].sum())
    if chosen_in_all < LEAST_CHOSEN:
        raise TooFewRows(
            f"{chosen_in_all:.0f} choices in all, and {LEAST_CHOSEN} are needed to estimate the expected "
            "exposure of items; "
            "make the history longer"
        )
    item, items = pd.factorize(shown["item"], sort=True)
    place, places = pd.factorize(shown["position"], sort=True)
    size = (len(items), len(places))
    seen, chosen = np.zeros(size), np.zeros(size)
    np.add.at(seen, (item, place), shown["shown"].to_numpy(np.float64))
    np.add.at(chosen, (item, place), shown["chosen"].to_numpy(np.float64))
    attention = np.ones(len(places))
    for _round in range(ROUNDS if len(places) > 1 else 0):
        before, attention = attention, _attention(seen, chosen, attention)
        if float(np.abs(attention - before).max()) < SETTLED:
            break
    exposure = seen @ attention
    names = np.asarray(items, dtype=object)
    rates = shrink_rates(chosen.sum(axis=1), exposure, _guide(names, guide))
    by_place = dict(zip((int(p) for p in places), map(float, attention), strict=True))
    return Engagement(names, rates, by_place, exposure)


def _guide(items: npt.NDArray[np.object_], guide: Engagement | None) -> Rates | None:
    """The guide's rates in this order; for an item that it does not know, what it knows of all."""
    if guide is None:
        return None
    known = pd.DataFrame({"mean": guide.rates.log_mean, "vague": guide.rates.log_variance}, index=guide.items)
    found = known.reindex(items)
    found = found.fillna({"mean": known["mean"].mean(), "vague": known["mean"].var() + known["vague"].max()})
    shape = 1 / np.maximum(found["vague"].to_numpy(np.float64), 1e-6)
    return Rates(shape, np.exp(digamma(shape) - found["mean"].to_numpy(np.float64)))


def _attention(seen: Floats, chosen: Floats, before: Floats) -> Floats:
    """One round: choices at each position relative to the merit of its items, learned elsewhere too."""
    merit = shrink_rates(chosen.sum(axis=1), seen @ before).mean
    due = merit @ seen
    attention = (chosen.sum(axis=0) + FEW_PLACES) / (due + FEW_PLACES)
    return np.asarray(attention * seen.sum() / (seen.sum(axis=0) @ attention))
