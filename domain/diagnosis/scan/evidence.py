"""
How surprising a cell of a cube is, and how much better a slice's own factor explains it.

The variance of a cell's distance from its expectation is a · m + b · m²: counting, and a scatter in
proportion. For counts a is 2, because what was expected was counted too; b is learned from the calmer half of
the cells. Amounts and ratios involve no counting: for them a is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.diagnosis.scan.dimension import Bools, Floats, Places

MAD_TO_SD = 1.4826
COUNTED = 2.0  # variances of a count in the distance between two of them
DENSE = 5.0  # expected rows of a cell from which on its scatter is distinguishable from counting
LEAST_CELLS = 8  # fewer do not show whether a scatter is misjudged
QUARTERS = 4  # of as many cells at least a scatter is learned; of fewer, one slice may hold half
USUAL_SCATTER = 0.01  # (10 %)², where there are too few cells to learn it
LEAST_SCATTER = 0.0004  # (2 %)²: nothing repeats itself more exactly than that
FAR = 12.0  # standard deviations: further away is no more surprising
CELL_SAYS = 20.0  # log likelihood ratio that a single cell counts for at most, for or against
CLEAR = 3.0  # standard deviations between "as expected" and a slice's factor, to tell which of them a cell is
OUTER, OUTER_SD = 0.995, 2.807  # the tail that a scatter must not understate, where a normal one would lie
FIRST, FIRST_SD = 0.98, 2.326  # the same as long as not all that is wrong has been found


@dataclass(frozen=True)
class Scatter:
    """Variance a · m + b · m² around a mean m; `least` is an amount that is next to nothing."""

    counts: bool
    a: float
    b: float
    least: float

    def away(self, observed: Floats, expected: Floats) -> Floats:
        """(n,) standard deviations from what was expected, by the variance halfway between the two."""
        middle = np.maximum(observed + expected, 0.0) / 2 + self.least
        size = (observed - expected) / np.sqrt(self.a * middle + self.b * middle**2)
        return np.asarray(np.clip(size, -FAR, FAR))

    def wider(self, times: float) -> Scatter:
        """The scatter with so many times the variance; counting is never less than counting."""
        a = max(self.a * times, COUNTED) if self.counts else 0.0
        return Scatter(self.counts, a, max(self.b * times, LEAST_SCATTER), self.least)

    def misjudged(self, away: Floats, expected: Floats, first: bool) -> float:
        """
        How many times wider the cells that no slice explains are scattered; 1 where there are few.

        Args:
            away, expected: (n,) of those cells.
        """
        size = np.abs(away[expected >= DENSE if self.counts else expected > 0])
        if len(size) < LEAST_CELLS:
            return 1.0
        tail, tail_sd = (FIRST, FIRST_SD) if first else (OUTER, OUTER_SD)
        middle, outer = np.quantile(size, (0.5, tail))
        return float(max(MAD_TO_SD * middle, outer / tail_sd) ** 2)


def scatter_of(observed: Floats, expected: Floats) -> Scatter:
    """
    Learned from the shortest half of the relative distances, among cells of like size: that half is the calm
    one as long as most cells are, whatever the others are off by. Whole numbers are counts.

    Source:
        The shortest half: Rousseeuw & Leroy (1987), Robust Regression and Outlier Detection, ch. 4.
    """
    counts = bool(np.all(observed == np.round(observed)))
    a, least = (COUNTED, 0.5) if counts else (0.0, 0.01 * _usual(expected))
    known = (observed > 0) & (expected > (DENSE if counts else 0))
    o, e = observed[known], expected[known]
    if len(o) < QUARTERS * LEAST_CELLS:
        return Scatter(counts, a, USUAL_SCATTER, least)
    relative = 2 * (o - e) / (o + e)
    parts = np.array_split(np.argsort(e), QUARTERS)
    beyond = [_half(relative[part]) - a / float(np.median(e[part])) for part in parts]
    return Scatter(counts, a, max(float(np.median(beyond)), LEAST_SCATTER), least)


def _usual(expected: Floats) -> float:
    some = expected[expected > 0]
    return float(np.median(some)) if len(some) else 1.0


def _half(values: Floats) -> float:
    """The variance of a normal with as short a shortest half."""
    ordered, half = np.sort(values), len(values) // 2 + 1
    return float((MAD_TO_SD * (ordered[half - 1 :] - ordered[: len(ordered) - half + 1]).min() / 2) ** 2)


@dataclass(frozen=True)
class Cells:
    """(n_cells,) counts or amounts; `explained` are those that a slice named before explains."""

    observed: Floats
    expected: Floats
    explained: Bools

    @classmethod
    def unexplained(cls, observed: Floats, expected: Floats) -> Cells:
        """Cells of which nothing is explained yet."""
        return cls(observed, expected, np.zeros(len(observed), dtype=bool))

    def some(self, places: Places) -> Cells:
        """The cells at `places` only."""
        return Cells(self.observed[places], self.expected[places], self.explained[places])


@dataclass(frozen=True)
class Weighed:
    """(n_slices,) factor and evidence of each slice, and (n_members,) what each of its cells says for it."""

    factor: Floats
    evidence: Floats
    says: Floats


def weigh(
    cells: Cells, scatter: Scatter, places: Places, group: Places, count: int, most_explained: float
) -> Weighed:
    """
    The log likelihood ratio of each slice having a factor of its own against its cells being as expected.

    A slice's factor is that of its cells which are clearly not as expected, where there are such; the others
    then speak against it. Cells already explained say nothing, and a slice with more than a share
    `most_explained` of them is not looked at again.

    Args:
        places, group: (n_members,) a cell, and which of the `count` slices it lies in.
    """
    o, e, explained = cells.observed[places], cells.expected[places], cells.explained[places]
    weight = np.where(explained, 0.0, 1 / (scatter.a + scatter.b * np.maximum(e, scatter.least)))
    size = scatter.away(o, e)
    factor = _factor(weight, o + scatter.least, e + scatter.least, group, count)
    own = scatter.away(factor[group] * (e + scatter.least) - scatter.least, e)
    spared = (np.abs(own) > CLEAR) & (np.abs(size) < np.abs(own) / 2)
    if spared.any():
        weight = np.where(spared, 0.0, weight)
        factor = _factor(weight, o + scatter.least, e + scatter.least, group, count)
        own = scatter.away(factor[group] * (e + scatter.least) - scatter.least, e)
    says = (size**2 - (size - own) ** 2) / 2
    if scatter.counts:
        says = np.where(e < DENSE, _sparse(o, e, factor[group], scatter), says)
    says = np.where(explained, 0.0, np.clip(says, -CELL_SAYS, CELL_SAYS))
    evidence = np.bincount(group, says, count)
    share = np.bincount(group, explained, count) / np.bincount(group, minlength=count)
    return Weighed(factor, np.where(share > most_explained, -np.inf, evidence), says)


def _factor(weight: Floats, o: Floats, e: Floats, group: Places, count: int) -> Floats:
    seen, due = np.bincount(group, weight * o, count), np.bincount(group, weight * e, count)
    return np.asarray(np.where(due > 0, seen / np.maximum(due, 1e-300), 1.0))


def _sparse(o: Floats, e: Floats, factor: Floats, scatter: Scatter) -> Floats:
    """A Poisson's log likelihood ratio, over its variance: a handful of rows is not normally distributed."""
    ratio = o * np.log(np.maximum(factor, 1e-9)) - (factor - 1) * e
    return np.asarray(ratio / (scatter.a + scatter.b * (o + e) / 2))
