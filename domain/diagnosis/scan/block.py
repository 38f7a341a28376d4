"""Blocks of dimensions by which cells are summed at once; slices of fewer dimensions are their margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import pandas as pd

from domain.diagnosis.scan.dimension import Bools, Dimension, Floats, Places, renumbered

DENSE = 8192  # combinations of values up to which a block has a key for each, whether it occurs or not

Zone = tuple[int, ...]
"""A set of dimensions, as places among those of a cube."""


@dataclass(frozen=True)
class Block:
    """
    Dimensions (`of`) whose values are combined: (n_members,) `keys`, of the cells `cells`.

    A key is the combination of the values itself, or a place in `known`, where these are only some of all
    that could be. `zones` are the places of those sets of dimensions that the block is summed for.
    """

    of: Zone
    zones: tuple[int, ...]
    keys: Places
    cells: Places | None
    known: Places | None
    count: int

    def sums(self, rows: Floats, places: Places | None, cells: int) -> tuple[Places | None, Floats]:
        """
        (n, n_rows) sums, and the (n,) keys that they belong to; without keys, the sums are of every key in
        turn.

        Args:
            rows: (n_rows, n_cells) or, where there are `places`, (n_rows, n_places).
            places: the cells to sum; all of the `cells` if not given.
        """
        keys, of = self.keys, self.cells
        if places is not None and of is None:
            keys = keys[places]
        elif places is not None and of is not None:
            kept, of = renumbered(of, places, cells)
            keys = keys[kept]
        values = rows if of is None else rows[:, of]
        if len(keys) < self.count:
            return keys, values.T
        return None, np.stack([np.bincount(keys, row, self.count) for row in values], axis=1)


def blocks_of(zones: Sequence[Zone], dimensions: Sequence[Dimension]) -> tuple[Block, ...]:
    """
    Blocks that together have every zone as a margin.

    A zone is grown by the dimension that brings most other zones with it, as long as the block stays dense. A
    dimension in which a cell has several values is never summed over, for the cell would count several times.
    """
    has = np.array([[at in zone for at in range(len(dimensions))] for zone in zones])
    sizes = np.array([len(one.values) for one in dimensions], dtype=np.float64)
    several = np.array([one.cells is not None for one in dimensions])
    left = np.ones(len(zones), dtype=bool)
    blocks = []
    for zone in sorted(range(len(zones)), key=lambda place: -len(zones[place])):
        if left[zone]:
            of = _grown(has[zone], has[left], sizes, several)
            brought = (
                left & _margins(of, has, several)
                if sizes[of].prod() <= DENSE
                else np.arange(len(zones)) == zone
            )
            left &= ~brought
            blocks.append(_block(of, brought, dimensions))
    return tuple(blocks)


def _grown(of: Bools, left: Bools, sizes: Floats, several: Bools) -> Bools:
    """(n_dimensions,) a zone, with dimensions more as long as they bring others of those that are left."""
    brings = int(_margins(of, left, several).sum())
    while True:
        fits = ~of & ~several & (sizes[of].prod() * sizes <= DENSE)
        grown = [of | (np.arange(len(of)) == one) for one in np.flatnonzero(fits)]
        bring = [int(_margins(one, left, several).sum()) for one in grown]
        if max(bring, default=0) <= brings:
            return of
        brings, of = max(bring), grown[bring.index(max(bring))]


def _margins(of: Bools, zones: Bools, several: Bools) -> Bools:
    """(n_zones,) which of the zones, (n_zones, n_dimensions), are margins of a block of some dimensions."""
    return np.asarray(~np.where(of, ~zones & several, zones).any(axis=1))


def _block(of: Bools, zones: Bools, dimensions: Sequence[Dimension]) -> Block:
    some = tuple(np.flatnonzero(of).tolist())
    keys, cells = dimensions[some[0]].codes, dimensions[some[0]].cells
    for one in some[1:]:
        keys, cells = _crossed(keys, cells, dimensions[one])
    count, known = prod(len(dimensions[one].values) for one in some), None
    if count > DENSE:
        known, keys = np.unique(keys, return_inverse=True)
        count = len(known)
    return Block(some, tuple(np.flatnonzero(zones).tolist()), keys, cells, known, count)


def _crossed(keys: Places, cells: Places | None, other: Dimension) -> tuple[Places, Places | None]:
    """Every value of a cell so far with each of its values in another dimension."""
    size = len(other.values)
    if other.cells is None:
        return keys * size + (other.codes if cells is None else other.codes[cells]), cells
    if cells is None:
        return keys[other.cells] * size + other.codes, other.cells
    left = pd.DataFrame({"cell": cells, "key": keys})
    both = left.merge(pd.DataFrame({"cell": other.cells, "code": other.codes}), on="cell")
    return both["key"].to_numpy() * size + both["code"].to_numpy(), both["cell"].to_numpy()
