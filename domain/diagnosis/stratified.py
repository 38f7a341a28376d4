"""Whether some rows differ from others that are comparable: rank tests within strata, in logarithms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from domain.diagnosis.place import Bools, Floats

Strata = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Apart:
    """`surprise`: −log p of two sides, ≥ 0; `above`: whether mine have the higher values."""

    surprise: float
    above: bool


def ranks_apart(values: Floats, mine: Bools, strata: Strata) -> Apart:
    """
    How unlikely it is that `mine` have the values that the others of their strata have.

    Args:
        values: (n_rows,) in any unit; only their order counts. Rows that are NaN are left out. Of ones and
            zeros it is the test of Cochran, Mantel and Haenszel.
        mine: (n_rows,) the rows in question.
        strata: (n_rows,) which rows are compared with each other.

    Returns:
        A surprise of 0 where no stratum has rows on both sides. No p is below that of the single most extreme
        choice of so many rows, which a normal tail does not respect where they are few.

    Source:
        van Elteren (1960), Bull. Int. Stat. Inst. 37: Wilcoxon's rank sums, weighted by 1 / (rows + 1), with
        the variance of ties.

    >>> ranks_apart(np.arange(6.0), np.arange(6) > 2, np.zeros(6, dtype=int)).above
    True
    """
    known = np.isfinite(values)
    places = pd.factorize(strata[known])[0]
    inside, own = values[known], mine[known].astype(float)
    if not len(places):
        return Apart(0.0, False)
    count = int(places.max()) + 1
    total, ours = np.bincount(places, minlength=count), np.bincount(places, own, minlength=count)
    ranks = _ranks_within(inside, places, total)
    middle = (total + 1) / 2
    squares = np.bincount(places, (ranks - middle[places]) ** 2, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.nan_to_num(ours * (total - ours) / (total * (total - 1.0)) * squares)
    weight = 1 / (total + 1.0)
    summed = float((weight * (np.bincount(places, own * ranks, minlength=count) - ours * middle)).sum())
    spread = float(np.sqrt((weight**2 * variance).sum()))
    if spread <= 0:
        return Apart(0.0, False)
    normal = -float(stats.norm.logsf(abs(summed) / spread)) - float(np.log(2))
    choices = special.gammaln(total + 1) - special.gammaln(ours + 1) - special.gammaln(total - ours + 1)
    return Apart(float(np.clip(normal, 0.0, choices.sum())), summed > 0)


def _ranks_within(values: Floats, places: Strata, total: Strata) -> Floats:
    """(n_rows,) ranks from 1 on within each stratum, equal values at the middle of theirs."""
    order = np.lexsort((values, places))
    first = np.concatenate([[True], (np.diff(values[order]) != 0) | (np.diff(places[order]) != 0)])
    run = np.cumsum(first) - 1
    size = np.bincount(run)
    middle = np.cumsum(size) - (size - 1) / 2
    before = np.cumsum(total) - total
    ranks = np.empty(len(values))
    ranks[order] = middle[run] - before[places[order]]
    return ranks
