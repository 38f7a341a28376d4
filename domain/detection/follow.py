"""
What a slice of two values has in common with the other slices of each: it is Danish films' day, and on every
device they have it.

Most of how slices scatter from window to window is not their own. How far the rest of a slice's country, and
the rest of its genre, are from their past today tells how far the slice should be, as far as slices of that
country or genre were seen to go together. What is off for its whole country is the country's finding.

Source:
    Crossed random effects predicted from the other members of each class, drawn to nothing by the counting
    noise in them: Henderson (1975), Biometrics 31(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from domain.detection.counts import Floats
from domain.detection.habit import LEAST_FACTOR
from domain.detection.scatter import CLIP, dispersion_of
from domain.values import Slice

Places = npt.NDArray[np.int64]

ENOUGH = 8  # windows of a value, from which on it is known whether it scatters


def margins_of(slices: Sequence[Slice]) -> tuple[Places, Places]:
    """
    (n_slices, 2) where the two values stand as slices of their own; −1 where a slice has but one, or one of
    them is not there. And (n_slices, 2) a number for all slices of that value that share the other dimension.

    >>> margins_of([(("a", "1"),), (("a", "1"), ("b", "2")), (("b", "2"),)])[0].tolist()
    [[-1, -1], [0, 2], [-1, -1]]
    """
    places = {name: place for place, name in enumerate(slices)}
    groups: dict[tuple[int, str], int] = {}
    found = np.full((2, len(slices), 2), -1, dtype=np.int64)
    for place, name in enumerate(slices):
        if len(name) == 2:
            sides = [places.get((one,), -1) for one in name]
            found[0, place] = sides
            keys = zip(sides, (name[1][0], name[0][0]), strict=True)
            found[1, place] = [groups.setdefault(key, len(groups)) for key in keys]
    return found[0], found[1]


@dataclass(frozen=True)
class Follow:
    """
    How far slices go with their margins.

    Args:
        margins, groups: (n_slices, 2) of `margins_of`.
        part: (n_slices,) of a value's slices: how much of what is common they show, 0–1.
        scatter: (n_slices,) relative standard deviation of a value beyond counting; 0 where there is none.
    """

    margins: Places
    groups: Places
    part: Floats
    scatter: Floats

    def factor(self, rows: Floats, due: Floats) -> Floats:
        """(n_slices,) times what its own past says that each should hold, given the `rows` of all today."""
        return self.times(self.common(rows, due))

    def times(self, common: Floats) -> Floats:
        """(n_slices,) the factor that what is `common` makes."""
        return np.asarray(np.maximum(np.prod(1 + self.part[self.margins] * common, axis=1), LEAST_FACTOR))

    def common(self, rows: Floats, due: Floats) -> Floats:
        """
        (n_slices, 2) how far the rest of each margin is off, as far as that is no counting noise; up to three
        times as far as is usual, or as half of its slices are: what is further off is a fault in one of them,
        and no measure for the others. The rest is made of slices that follow other values too, and these are
        taken as far off as they are as a whole.
        """
        pair, side = np.nonzero(self.margins >= 0)
        value, other = self.margins[pair, side], self.margins[pair, 1 - side]
        whole = self.part * np.clip(
            _drawn(rows, due, self.scatter), -CLIP * self.scatter, CLIP * self.scatter
        )
        usual = due[pair] * (1 + np.where(other >= 0, whole[other], 0.0))
        group = self.groups[pair, side]
        seen, expected = (np.bincount(group, one)[group] - one for one in (rows[pair], usual))
        scatter = self.scatter[value]
        near = _drawn(seen, np.maximum(expected, 0.0), scatter)
        most = CLIP * scatter
        if far := set(value[np.abs(near) > most].tolist()):
            asked = np.isin(value, list(far))
            most = np.maximum(most, np.abs(_middle(pair[asked], value[asked], rows, due))[value])
        off = np.zeros(self.margins.shape)
        off[pair, side] = np.clip(near, -most, most)
        return off


def _drawn(rows: Floats, due: Floats, scatter: Floats) -> Floats:
    """How far `rows` are off what is due, drawn to nothing by the counting noise in them."""
    return np.asarray((rows - due) * scatter**2 / (1 + due * scatter**2))


def _middle(pair: Places, value: Places, rows: Floats, due: Floats) -> Floats:
    """(n_slices,) the lower median of how far the slices of a value are off; 0 for what is no value."""
    middle = np.zeros(len(due))
    some = due[pair] >= 1
    if not some.any():
        return middle
    off, value = rows[pair[some]] / due[pair[some]] - 1, value[some]
    order = np.lexsort((off, value))
    value, off = value[order], off[order]
    present, first, count = np.unique(value, return_index=True, return_counts=True)
    low, high = off[first + (count - 1) // 2], off[first + count // 2]
    middle[present] = np.where(np.abs(low) < np.abs(high), low, high)
    return middle


@dataclass
class Following:
    """What is learned about that from window to window."""

    margins: Places
    groups: Places
    _together: Floats = field(init=False)
    _alone: Floats = field(init=False)
    _values: Places = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is known to go together at first."""
        self._together, self._alone = np.zeros((2, len(self.margins)))
        self._values = np.unique(self.margins[self.margins >= 0])

    def now(self, surprises: Floats, due: Floats) -> Follow:
        """As far as is known, given (n_windows, n_slices) surprises up to now."""
        scatter = np.zeros(len(due))
        if len(surprises) >= ENOUGH:
            beyond = dispersion_of(surprises[:, self._values]) - 1
            scatter[self._values] = np.sqrt(beyond / np.maximum(due[self._values], 1.0))
        part = np.clip(self._together / (self._alone + 1), 0.0, 1.0)
        return Follow(self.margins, self.groups, part, scatter)

    def learn(self, common: Floats, rows: Floats, due: Floats, learn: npt.NDArray[np.bool_]) -> None:
        """One more window: rows beyond what is due, regressed on what is `common` to a slice's margins."""
        off = np.clip(rows - due, -due, due)
        for side, values in enumerate(np.maximum(self.margins, 0).T):
            one = np.where(learn, common[:, side], 0.0)
            self._together += np.bincount(values, off * one, len(due))
            self._alone += np.bincount(values, due * one**2, len(due))
