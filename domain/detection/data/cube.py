"""All slices of a table's cells, up to a number of dimensions, as numbers: thousands of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from domain.detection.data.counts import Floats

Codes = npt.NDArray[np.int64]
DENSE_KEYS = 2_000_000  # combinations of values up to which they are numbered by listing all of them


@dataclass(frozen=True)
class Cube:
    """
    The slices of cells, numbered: the whole table is 0, then family by family (a set of dimensions).

    `families` are places of dimensions; `member` is (n_families, n_cells), the slice of each family that a
    cell lies in; `family` is (n_slices,), and `example` (n_slices,) a cell of each. `codes` are those of the
    cells.
    """

    codes: Codes
    families: tuple[tuple[int, ...], ...]
    member: npt.NDArray[np.int32]
    family: npt.NDArray[np.int64]
    example: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many slices there are, including the whole table."""
        return len(self.family)

    @cached_property
    def ways(self) -> npt.NDArray[np.int64]:
        """(n_slices,) how many dimensions each has."""
        return np.array([len(one) for one in self.families], dtype=np.int64)[self.family]

    @cached_property
    def sizes(self) -> npt.NDArray[np.int64]:
        """(n_families,) slices in each."""
        return np.bincount(self.family, minlength=len(self.families))

    @cached_property
    def _matrix(self) -> sparse.csc_matrix:
        sets, cells = self.member.shape
        pointers = np.arange(0, sets * cells + 1, sets)
        ones = np.ones(sets * cells)
        return sparse.csc_matrix((ones, self.member.T.ravel(), pointers), shape=(self.count, cells))

    def sums(self, held: Floats) -> Floats:
        """(n_slices, …) sums over the cells (n_cells, …) of each slice."""
        return np.asarray(self._matrix @ held)

    def siblings(self, one: int, others: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """
        For each of `others`, how many slices differ from `one` in the value of the same single dimension,
        counting `one`; 0 if it differs from it in anything else.
        """
        names = self.families[self.family[one]]
        values = self.codes[self.example[others]][:, names]
        differ = values != self.codes[self.example[one], names]
        alike = (self.family[others] == self.family[one]) & (differ.sum(axis=1) == 1)
        sizes = self.codes[:, names].max(axis=0, initial=0) + 1
        return np.where(alike, (differ * sizes).sum(axis=1), 0)

    def cells(self, place: int) -> npt.NDArray[np.intp]:
        """The cells of one slice."""
        return np.flatnonzero(self.member[self.family[place]] == place)


def cube_of(codes: Codes, ways: int) -> Cube:
    """
    Args:
        codes: (n_cells, n_dimensions) places of values.

    >>> cube = cube_of(np.array([[0, 0], [0, 1], [1, 0]]), 2)
    >>> cube.count, cube.sums(np.array([1.0, 2.0, 4.0])).tolist()
    (8, [7.0, 3.0, 4.0, 5.0, 2.0, 1.0, 2.0, 4.0])
    """
    count, dimensions = codes.shape
    families = [names for size in range(ways + 1) for names in combinations(range(dimensions), size)]
    member, family, example = [], [], []
    begin = 0
    for place, names in enumerate(families):
        group, first = _grouped(codes[:, names], count)
        member.append(group + begin)
        family.append(np.full(len(first), place))
        example.append(first)
        begin += len(first)
    return Cube(
        codes,
        tuple(families),
        np.array(member, dtype=np.int32).reshape(len(families), count),
        np.concatenate(family).astype(np.int64),
        np.concatenate(example).astype(np.int64),
    )


def _grouped(codes: Codes, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each row of `codes` which distinct row it is, and for each distinct row where it is found."""
    sizes = [int(column.max(initial=0)) + 1 for column in codes.T]
    key = np.zeros(count, dtype=np.int64)
    for column, size in zip(codes.T, sizes, strict=True):
        key = key * size + column
    if np.prod(sizes, dtype=float) > DENSE_KEYS:
        _keys, first, group = np.unique(key, return_index=True, return_inverse=True)
        return group.astype(np.int64), first.astype(np.int64)
    seen = np.full(int(np.prod(sizes, dtype=np.int64)), -1, dtype=np.int64)
    seen[key[::-1]] = np.arange(count - 1, -1, -1)
    there = seen >= 0
    number = np.cumsum(there) - 1
    return number[key], seen[there]
