"""The slice with the most evidence, found by weighing only those that can have that much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from domain.diagnosis.scan.block import Zone
from domain.diagnosis.scan.bounds import Summed, summed
from domain.diagnosis.scan.cube import Cube
from domain.diagnosis.scan.dimension import Floats, Places
from domain.diagnosis.scan.evidence import Cells, Scatter, weigh

MOST_EXPLAINED = 2 / 3  # of a slice's cells that others explain already, up to which it may be named too
FIRST_WEIGHED = 2  # slices that are weighed at once to begin with; then twice as many each time


@dataclass(frozen=True)
class Pick:
    """A slice, as dimensions of the cube and codes of their values, with its factor and net evidence."""

    of: Zone
    codes: tuple[int, ...]
    factor: float
    gain: float


@dataclass
class Search:
    """Cells of a cube, and what the slices named so far leave of them; `price` is what naming one costs."""

    cube: Cube
    scatter: Scatter
    cells: Cells
    price: float
    _summed: Summed = field(init=False)
    _sums: Floats = field(init=False)

    def __post_init__(self) -> None:
        explained = self.cells.explained
        self._summed = summed(self.cells, self.scatter)
        self._sums = np.column_stack([self.cube.sums(self._summed.rows), self.cube.sizes])
        if explained.any():
            self._forget(np.flatnonzero(explained))

    def best(self) -> Pick | None:
        """The slice with the most evidence; among equals the one of fewer dimensions."""
        bound = self._bounds()
        order = np.flatnonzero(bound > self.price)
        order = order[np.argsort(-bound[order], kind="stable")]
        best: tuple[float, int, float] | None = None
        begin, size = 0, FIRST_WEIGHED
        while begin < len(order) and (best is None or bound[order[begin]] - self.price >= best[0]):
            best = max([*self._weighed(order[begin : begin + size]), *([best] if best else [])], default=None)
            begin, size = begin + size, 2 * size
        if best is None:
            return None
        gain, place, factor = best
        return Pick(*self.cube.key(-place), factor, gain)

    def mark_explained(self, places: Places) -> None:
        """Take those cells as explained, whatever their number."""
        fresh = places[~self.cells.explained[places]]
        self.cells.explained[fresh] = True
        self._forget(fresh)

    def within(self, places: Places, zones: Sequence[Zone]) -> Search:
        """The same search in some of the cells, for slices of some sets of dimensions."""
        some = self.cells.some(places)
        return Search(self.cube.within(places, zones), self.scatter, some, self.price)

    def at_most_alike(self) -> float:
        """The evidence that one factor for all cells can have at most, as long as none is explained."""
        return float(self._summed.at_most(self._summed.rows.sum(axis=1, keepdims=True))[0])

    def misjudged(self, first: bool) -> float:
        """How many times wider the unexplained cells are scattered."""
        calm = ~self.cells.explained
        return self.scatter.misjudged(self._summed.away[calm], self.cells.expected[calm], first)

    def _forget(self, places: Places) -> None:
        """Take cells that no longer say anything out of the sums."""
        rows = np.vstack([self._summed.rows[:, places], np.ones(len(places))])
        self._sums -= self.cube.sums(rows, places)

    def _bounds(self) -> Floats:
        sizes = self.cube.sizes
        left = (sizes - self._sums[:, -1]) / np.maximum(sizes, 1) <= MOST_EXPLAINED
        left &= sizes > 0
        bound = np.full(len(sizes), -np.inf)
        bound[left] = self._summed.at_most(self._sums[left, :-1].T)
        return bound

    def _weighed(self, slices: Places) -> list[tuple[float, int, float]]:
        """Net evidence, the place to break ties, and the factor, of the slices that are worth their price."""
        inside = [self.cube.inside(*self.cube.key(int(place))) for place in slices]
        group = np.repeat(np.arange(len(slices)), [len(one) for one in inside])
        found = weigh(self.cells, self.scatter, np.concatenate(inside), group, len(slices), MOST_EXPLAINED)
        gain = found.evidence - self.price
        return [
            (float(gain[at]), -int(slices[at]), float(found.factor[at])) for at in np.flatnonzero(gain > 0)
        ]
