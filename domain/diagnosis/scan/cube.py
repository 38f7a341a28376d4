"""Sums over every slice of a cube, without a pass over the cells for each set of dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod

import numpy as np
from scipy.sparse import csc_array

from domain.diagnosis.scan.block import Block, Zone, blocks_of
from domain.diagnosis.scan.dimension import Dimension, Floats, Places
from domain.values import Slice


@dataclass(frozen=True)
class Cube:
    """
    The slices of some sets of dimensions (`zones`, places among `dimensions`) over `count` cells.

    Every slice has a place of its own among them all: zone by zone, in each by the codes of its values. Some
    places hold no cell.
    """

    dimensions: tuple[Dimension, ...]
    count: int
    zones: tuple[Zone, ...]

    @cached_property
    def sizes(self) -> Places:
        """(n_places,) how many cells each slice has."""
        return np.rint(self.sums(np.ones((1, self.count)))[:, 0]).astype(np.intp)

    def sums(self, rows: Floats, places: Places | None = None) -> Floats:
        """(n_places, n_rows) of each of the `rows` (n_rows, n_cells); or of some cells' values only."""
        found = np.zeros((int(self._starts[-1]), len(rows)))
        used = np.flatnonzero(rows.any(axis=1))
        if len(used):
            some = rows if len(used) == len(rows) else rows[used]
            parts = [block.sums(some, places, self.count) for block in self._blocks]
            into = [
                slices if keys is None else slices[keys]
                for slices, (keys, _) in zip(self._slices, parts, strict=True)
            ]
            widths = np.repeat([one.shape[1] for one in into], [len(one) for one in into])
            ends = np.concatenate([[0], np.cumsum(widths)])
            flat = np.concatenate([one.ravel() for one in into])
            adding = csc_array((np.ones(len(flat)), flat, ends), shape=(len(found), len(widths)))
            found[:, used] = adding @ np.concatenate([values for _, values in parts])
        return found

    def key(self, place: int) -> tuple[Zone, tuple[int, ...]]:
        """The dimensions of a slice, and the codes of its values."""
        zone = int(np.searchsorted(self._starts, place, "right")) - 1
        of, known = self.zones[zone], self._known.get(zone)
        key = place - int(self._starts[zone])
        codes = np.unravel_index(key if known is None else known[key], self._shape(of))
        return of, tuple(int(code) for code in codes)

    def slice(self, of: Zone, codes: tuple[int, ...]) -> Slice:
        """What a slice is called."""
        named = (self.dimensions[one] for one in of)
        return tuple(sorted((one.name, one.values[code]) for one, code in zip(named, codes, strict=True)))

    def inside(self, of: Zone, codes: tuple[int, ...]) -> Places:
        """The cells of a slice, in their order."""
        inside = np.ones(self.count, dtype=bool)
        for one, code in zip(of, codes, strict=True):
            inside &= self.dimensions[one].holding(code, self.count)
        return np.flatnonzero(inside)

    def within(self, places: Places, zones: Sequence[Zone]) -> Cube:
        """Some zones over some of the cells only, which are renumbered."""
        return Cube(
            tuple(one.within(places, self.count) for one in self.dimensions), len(places), tuple(zones)
        )

    @cached_property
    def _blocks(self) -> tuple[Block, ...]:
        return blocks_of(self.zones, self.dimensions)

    @cached_property
    def _known(self) -> dict[int, Places]:
        return {block.zones[0]: block.known for block in self._blocks if block.known is not None}

    @cached_property
    def _starts(self) -> Places:
        """(n_zones + 1,) the place of the first slice of each zone, and how many places there are."""
        sizes = [prod(self._shape(zone)) for zone in self.zones]
        for zone, known in self._known.items():
            sizes[zone] = len(known)
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)

    @cached_property
    def _slices(self) -> tuple[Places, ...]:
        """For each block, (n_keys, n_zones) places: the slices that each key lies in."""
        return tuple(
            np.stack([self._starts[zone] + self._margin(block, zone) for zone in block.zones], axis=1)
            for block in self._blocks
        )

    def _margin(self, block: Block, zone: int) -> Places:
        """(n_keys,) which of a zone's slices each key of a block lies in."""
        of, keys = self.zones[zone], np.arange(block.count)
        if of == block.of:
            return keys
        codes = dict(zip(block.of, np.unravel_index(keys, self._shape(block.of)), strict=True))
        return np.ravel_multi_index(tuple(codes[one] for one in of), self._shape(of))

    def _shape(self, of: Zone) -> tuple[int, ...]:
        return tuple(len(self.dimensions[one].values) for one in of)


def cube_of(dimensions: tuple[Dimension, ...], count: int, ways: int) -> Cube:
    """The slices of one up to `ways` of the dimensions; those of fewer come first."""
    places = range(len(dimensions))
    zones = [zone for size in range(1, ways + 1) for zone in combinations(places, size)]
    return Cube(dimensions, count, tuple(zones))
