"""
What a slice of two values shares with the other slices of each value: a good day for Danish films is one on
every device.

Most of how slices scatter from window to window is not their own. How far the rest of a slice's country, and
the rest of its genre, are from their past today predicts how far the slice should be, as far as slices of
that country or genre have been seen to move together. If the whole country is off, that is the country's
finding.

Source:
    Crossed random effects predicted from the other members of each class, shrunk to nothing by the counting
    noise in them: Henderson (1975), Biometrics 31(2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.expect.overdispersion import CLIP, LEAST_KNOWN, dispersion_of
from domain.detection.expect.seasonal_profile import LEAST_FACTOR
from domain.values import Slice

Places = npt.NDArray[np.int64]

AT_ONCE = 500_000  # slices times windows that are held in memory at once


@dataclass(frozen=True)
class Margins:
    """
    Which slices have a value in common; (n_sides,) each: one of the two values of one slice.

    `slices` is the slice, `values` the place of this value as a slice of its own, `others` that of its other
    value (−1: absent), `groups` a number shared by all slices of this value that have the same other
    dimension.
    """

    slices: Places
    values: Places
    others: Places
    groups: Places

    @cached_property
    def _grouped(self) -> tuple[Places, Places]:
        """The sides group by group, and where each group begins."""
        order = np.argsort(self.groups, kind="stable")
        return order, np.flatnonzero(np.diff(self.groups[order], prepend=-1))

    def summed(self, each: Floats) -> Floats:
        """(n_windows, n_sides) the sums of (n_windows, n_sides) over groups."""
        order, first = self._grouped
        return np.add.reduceat(each.take(order, axis=1), first, axis=1).take(self.groups, axis=1)


@lru_cache(maxsize=16)
def margins_of(slices: tuple[Slice, ...]) -> Margins:
    """
    Cached, as a table has the same slices from look to look.

    >>> margins_of(((("a", "1"),), (("a", "1"), ("b", "2")), (("b", "2"),))).values.tolist()
    [0, 2]
    """
    places = {name: place for place, name in enumerate(slices)}
    groups: dict[tuple[int, str], int] = {}
    sides = []
    for place, name in enumerate(slices):
        for own, other in (name, name[::-1]) if len(name) == 2 else ():
            if (value := places.get((own,))) is not None:
                group = groups.setdefault((value, other[0]), len(groups))
                sides.append((place, value, places.get((other,), -1), group))
    return Margins(*np.array(sides, dtype=np.int64).reshape(-1, 4).T)


@dataclass(frozen=True)
class CrossedEffects:
    """
    How far slices go with their margins.

    Args:
        part: (n_slices,) for a value's slices: how much of the common movement they show, 0–1.
        scatter: (n_slices,) relative standard deviation of a value beyond counting; 0 if there is none.
    """

    margins: Margins
    part: Floats
    scatter: Floats

    def factor(self, rows: Floats, due: Floats) -> Floats:
        """
        (n_windows, n_slices) multiple of what its own past predicts that each should hold, given the `rows`
        of all.
        """
        return self.times(self.common(rows, due), rows.shape)

    def times(self, common: Floats, shape: tuple[int, ...]) -> Floats:
        """The factor that the `common` movement makes."""
        shown = 1 + self.part[self.margins.values] * common
        factor, sides = np.ones(shape), self.margins.slices
        second = np.diff(sides, prepend=-1) == 0  # a slice has at most two sides, next to each other
        for some in (~second, second):
            factor[:, sides[some]] *= shown[:, some]
        return np.maximum(factor, LEAST_FACTOR)

    def common(self, rows: Floats, due: Floats) -> Floats:
        """
        (n_windows, n_sides) how far the rest of each margin is off, beyond counting noise.

        Capped at three times the usual, or at how far half of its slices are off: anything beyond is a fault
        in one of them, and no measure for the others. The rest consists of slices that follow other values
        too, and these are taken to be as far off as they are as a whole.

        Args:
            rows, due: (n_windows, n_slices) the observed rows, and those predicted from the past alone.
        """
        of = self.margins
        if not len(of.slices):
            return np.zeros((len(rows), 0))
        whole = np.clip(_drawn(rows, due, self.scatter), -CLIP * self.scatter, CLIP * self.scatter)
        alone = np.ones((len(rows), 1))  # in the last place, which is that of no other value
        usual = due.take(of.slices, axis=1) * np.hstack([1 + whole, alone]).take(of.others, axis=1)
        seen, expected = (of.summed(each) - each for each in (rows.take(of.slices, axis=1), usual))
        scatter = self.scatter[of.values]
        most, off = CLIP * scatter, _drawn(seen, np.maximum(expected, 0.0), scatter)
        common = np.clip(off, -most, most)
        for window, value in {*zip(*_far(off, most, of.values), strict=True)}:
            sides = np.flatnonzero(of.values == value)
            middle = _middle(rows[window, of.slices[sides]], due[window, of.slices[sides]])
            far = np.maximum(most[sides], abs(middle))
            common[window, sides] = np.clip(off[window, sides], -far, far)
        return np.asarray(common)


def learn_crossed_effects(margins: Margins, surprises: Floats, rows: Floats, due: Floats) -> CrossedEffects:
    """
    Effects learned from the past (n_windows, n_slices): rows beyond what is due, regressed on the common
    movement of a slice's margins, with one observation added that did not follow.

    Args:
        surprises: in a Poisson's standard deviations, NaN where nothing is to be learned.
    """
    values = np.unique(margins.values)
    scatter, known = np.zeros(rows.shape[1]), np.isfinite(surprises)
    beyond = dispersion_of(surprises[:, values]) - 1
    usual = np.where(known, due, 0.0).sum(axis=0)[values] / np.maximum(known.sum(axis=0)[values], 1)
    seen = known.sum(axis=0)[values] >= LEAST_KNOWN
    scatter[values] = np.where(seen, np.sqrt(beyond / np.maximum(usual, 1.0)), 0.0)
    crossed = CrossedEffects(margins, np.ones(rows.shape[1]), scatter)
    together, alone = np.zeros((2, rows.shape[1]))
    for some in chunks(len(rows), len(margins.slices)):
        then, there = np.where(known[some], due[some], 0.0), np.where(known[some], rows[some], 0.0)
        common = crossed.common(there, then)
        off = np.clip(there - then, -then, then).take(margins.slices, axis=1)
        weight = then.take(margins.slices, axis=1)
        together += np.bincount(margins.values, (off * common).sum(axis=0), rows.shape[1])
        alone += np.bincount(margins.values, (weight * common**2).sum(axis=0), rows.shape[1])
    return CrossedEffects(margins, np.clip(together / (alone + 1), 0.0, 1.0), scatter)


def chunks(windows: int, sides: int) -> Iterator[slice]:
    """Windows in pieces that fit into memory."""
    size = max(AT_ONCE // max(sides, 1), 1)
    for first in range(0, windows, size):
        yield slice(first, first + size)


def _far(off: Floats, most: Floats, values: Places) -> tuple[list[int], list[int]]:
    window, side = np.nonzero(np.abs(off) > most)
    return window.tolist(), values[side].tolist()


def _drawn(rows: Floats, due: Floats, scatter: Floats) -> Floats:
    """How far `rows` are from what is due, shrunk to nothing by their counting noise."""
    off, noise = rows - due, due * scatter**2
    off *= scatter**2
    noise += 1
    return np.asarray(np.divide(off, noise, out=off))


def _middle(rows: Floats, due: Floats) -> float:
    """The lower median of how far slices are off."""
    off = np.sort(rows[due >= 1] / due[due >= 1] - 1)
    if not len(off):
        return 0.0
    return float(min(off[(len(off) - 1) // 2], off[len(off) // 2], key=abs))
