"""Which cells of a cube lie in which slice; a cell with several values in a dimension lies in several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.values import Slice

Places = npt.NDArray[np.intp]
NOT_SET = "∅ (not set)"


@dataclass(frozen=True)
class Zones:
    """
    All slices of one set of dimensions.

    `cells` and `groups` are (n_members,): membership by membership, a cell and the slice that it lies in, the
    latter a place in `slices`.
    """

    names: tuple[str, ...]
    slices: tuple[Slice, ...]
    cells: Places
    groups: Places

    def inside(self, group: int) -> Places:
        """The cells of one slice."""
        return np.asarray(self.cells[self.groups == group], dtype=np.intp)

    def within(self, cells: Places, count: int) -> Zones:
        """The same slices over some of the `count` cells only, which are numbered anew."""
        place = np.full(count, -1, dtype=np.intp)
        place[cells] = np.arange(len(cells))
        new = place[self.cells]
        groups, number = np.unique(self.groups[new >= 0], return_inverse=True)
        return Zones(self.names, tuple(self.slices[group] for group in groups), new[new >= 0], number)


def zones_of(
    cells: pd.DataFrame, dimensions: Sequence[str], ways: int, exploded: Mapping[str, str]
) -> list[Zones]:
    """
    The slices of one up to `ways` dimensions, by their dimensions; those of fewer dimensions come first.

    Args:
        cells: one row a cell, a column a dimension.
        exploded: dimension → what stands between its several values, as in `Action|Thriller`.
    """
    members = {name: _members(cells[name], exploded.get(name)) for name in dimensions}
    return [
        _crossed(names, [members[name] for name in names])
        for count in range(1, ways + 1)
        for names in combinations(dimensions, count)
    ]


def _members(column: pd.Series, mark: str | None) -> pd.DataFrame:
    """Columns cell, code; the values that the codes stand for in `attrs`."""
    texts = column.astype(object).where(column.notna(), NOT_SET).astype(str)
    if mark is not None:
        texts = texts.str.split(mark, regex=False).map(lambda values: list(dict.fromkeys(values))).explode()
        texts = texts.replace("", NOT_SET)
    codes, values = pd.factorize(texts)
    frame = pd.DataFrame({"cell": texts.index.to_numpy(), "code": codes})
    frame.attrs["values"] = [str(value) for value in values]
    return frame


def _crossed(names: tuple[str, ...], members: list[pd.DataFrame]) -> Zones:
    together, sizes = members[0], [len(members[0].attrs["values"])]
    cell, key = together["cell"].to_numpy(), together["code"].to_numpy(dtype=np.int64)
    for other in members[1:]:
        size = len(other.attrs["values"])
        cell, key = _joined(cell, key, other, size)
        sizes.append(size)
    keys, groups = np.unique(key, return_inverse=True)
    values = [frame.attrs["values"] for frame in members]
    return Zones(names, tuple(_named(int(one), names, values) for one in keys), cell, groups)


def _joined(cell: Any, key: Any, other: pd.DataFrame, size: int) -> tuple[Any, Any]:
    """Every value of a cell in one dimension with each of its values in another."""
    codes = other["code"].to_numpy(dtype=np.int64)
    if len(other) == len(cell) and np.array_equal(other["cell"].to_numpy(), cell):
        return cell, key * size + codes
    left = pd.DataFrame({"cell": cell, "key": key})
    both = left.merge(pd.DataFrame({"cell": other["cell"], "code": codes}), on="cell")
    return both["cell"].to_numpy(), both["key"].to_numpy() * size + both["code"].to_numpy()


def _named(key: int, names: tuple[str, ...], values: list[list[str]]) -> Slice:
    pairs = []
    for name, known in zip(reversed(names), reversed(values), strict=True):
        key, code = divmod(key, len(known))
        pairs.append((name, known[code]))
    return tuple(sorted(pairs))
