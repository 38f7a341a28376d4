"""What would be measured if a cause were undone, next to what is measured and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.place import inside
from domain.values import Slice

Floats = npt.NDArray[np.float64]

CLEAR = 3.0  # width of a gap, in standard deviations, from which on a share of it is given
NOTHING = 1e-9
Z95 = 1.645  # one-sided


@dataclass(frozen=True)
class Gap:
    """The symptom: what is observed, expected, and would be observed with the cause undone; `sd` of a gap."""

    observed: float
    expected: float
    undone: float
    sd: float

    @property
    def closed(self) -> float | None:
        """Share of the gap that closes; null where the gap is indistinguishable from chance."""
        gap = self.expected - self.observed
        return (self.undone - self.observed) / gap if abs(gap) > max(CLEAR * self.sd, NOTHING) else None

    def may_close(self, most: float) -> bool:
        """Whether by chance no more than `most` of the gap may close, as it may be wider than it seems."""
        gap = abs(self.expected - self.observed) + Z95 * self.sd
        return abs(self.undone - self.observed) <= most * gap


@dataclass(frozen=True)
class Undone:
    """
    (n_cells,) what is `observed` and `expected` in each cell, and what would be with the cause `undone`; the
    `variance` of observed − expected by chance. `symptom` is the gap where the finding was made. `views`: in
    how many ways the same rows are cut into these cells, each of which counts them once.
    """

    observed: Floats
    expected: Floats
    undone: Floats
    variance: Floats
    symptom: Gap
    views: int = 1

    @property
    def explained(self) -> float | None:
        """
        Share of what is off anywhere that is no longer off; below 0 where undoing it would put more wrong.
        Null where nothing is off beyond chance.
        """
        if len(self.observed) < 2:
            return None
        off = float(((self.observed - self.expected) ** 2 / self.variance - 1).sum())
        left = float(((self.undone - self.expected) ** 2 / self.variance - 1).sum())
        spread = CLEAR * float(np.sqrt(2 * len(self.observed)))  # what chance makes of the sum of squares
        return 1 - max(left, 0.0) / off if off > spread else None

    @property
    def borne_out(self) -> tuple[float, float] | None:
        """
        The share of its effect by which the cells that it affects are off; the least that it may be, at 95 %.

        It tells of a cause that affects a few cells among many that are only off by chance, which hide it in
        `explained`. Null where undoing would move nothing, or there is one cell.

        Source:
            The matched filter: the least squares of what is off on what undoing moves; Kay (1998),
            "Fundamentals of Statistical Signal Processing", vol. II, 4.3.
        """
        moved = self.undone - self.observed
        size = float((moved**2 / self.variance).sum())
        if len(moved) < 2 or size <= NOTHING:
            return None
        share = float((moved * (self.expected - self.observed) / self.variance).sum()) / size
        return share, share - Z95 * float(np.sqrt(self.views / size))

    def like(self, other: Undone) -> bool:
        """Whether the other undoes the same: they differ by less than half of what this one undoes."""
        if len(self.undone) != len(other.undone):
            return False
        apart = float(((self.undone - other.undone) ** 2 / self.variance).sum())
        does = float(((self.undone - self.observed) ** 2 / self.variance).sum())
        return apart < does / 4


def rows_undone(
    cells: pd.DataFrame,
    dimensions: Sequence[str],
    symptom: Slice,
    change: pd.DataFrame,
    level: float = 1.0,
) -> Undone:
    """
    Counts with missing rows added, and rows that do not belong taken away.

    Args:
        cells: `dimensions`, `observed`, `expected`.
        change: some of the dimensions, and `rows` to add (below 0: to take away).
        level: what the expectation is multiplied by, where the whole table is off for another reason.
    """
    shared = [name for name in dimensions if name in change and name in cells]
    named = [*dict.fromkeys([*shared, *(name for name, _ in symptom if name in cells)])]
    keyed = cells.assign(**{name: cells[name].astype("string").fillna("") for name in named})
    numbers = ["observed", "expected"]
    sums = keyed.groupby(named)[numbers].sum().reset_index() if named else keyed[numbers].sum().to_frame().T
    added = _spread(sums, shared, change)
    o, e = sums["observed"].to_numpy(float), level * sums["expected"].to_numpy(float)
    u = np.maximum(o + added, 0.0)
    variance = np.maximum(o, 0) + np.maximum(e, 0) + 1.0
    held = inside(sums, symptom)
    spread = float(np.sqrt(variance[held].sum()))
    return Undone(
        o, e, u, variance, Gap(float(o[held].sum()), float(e[held].sum()), float(u[held].sum()), spread)
    )


def _spread(sums: pd.DataFrame, shared: list[str], change: pd.DataFrame) -> Floats:
    """(n_cells,) rows to add; among cells that the change does not separate, in proportion to their size."""
    weight = np.maximum(sums["expected"].to_numpy(float), 0.0)
    if not shared:
        total = float(change["rows"].sum())
        return weight * total / weight.sum() if weight.sum() > 0 else np.zeros(len(sums))
    own = change.assign(**{name: change[name].astype("string").fillna("") for name in shared})
    rows = own.groupby(shared)["rows"].sum().rename("__rows").reset_index()
    both = sums[shared].merge(rows, on=shared, how="left")["__rows"].fillna(0.0).to_numpy(float)
    groups = sums.assign(__weight=weight).groupby(shared)["__weight"]
    size = groups.transform("sum").to_numpy(float)
    alone = groups.transform("size").to_numpy(float)
    part = np.where(size > 0, weight / np.where(size > 0, size, 1.0), 1 / alone)
    return np.asarray(both * part, np.float64)
