"""
The most evidence that a slice can have, from sums over its cells, so that those with little are not weighed.

For a slice's own factor f a cell says z·t − t²/2: z is how far it is from what was expected, and t, in the
same standard deviations, how far the factor would have it be. With e the amount expected and k = (f + 1) / 2,
t = (f − 1)·e / √(a·k·e + b·k²·e²). That is s·u·r, where s = (f − 1) / √k is one number for the slice, u the
cell's own, and r between 1 − Δ and 1 + Δ for Δ = √max(k, 1/k) − 1. Together the cells say at most

    s·Σzu + |s|·Δ·Σ|z|u − s²·(1 − Δ)²·Σu² / 2

as long as f is so near to 1 that no cell is spared and none says more than is believed of it. For sparse
cells a Poisson's ratio is already such a sum. Where f is not near 1, the bound is what each cell can say at
most for any factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.diagnosis.scan.dimension import Floats, Places
from domain.diagnosis.scan.evidence import CELL_SAYS, DENSE, Cells, Scatter

NEAR = 1.5  # standard deviations that a factor moves a cell by, up to which f is near 1
FURTHEST = 0.5  # Δ up to which it is
SLACK = 1e-9  # of rounding
OFF, DUE, SCORE, DISTORTION, INFORMATION, SEEN, MEANT, MOST = range(8)


@dataclass(frozen=True)
class Summed:
    """
    What is summed: (8, n_cells) `rows`, whose sums over a slice's cells make its bound.

    `away` are (n_cells,) standard deviations from what was expected; `widest` is the largest u of a cell,
    `heavy` the most that the logarithm of a factor is multiplied by in a sparse cell. Where not all amounts
    are `positive`, the bound is what each cell can say at most.
    """

    rows: Floats
    away: Floats
    widest: float
    heavy: float
    positive: bool

    def at_most(self, sums: Floats) -> Floats:
        """(n_slices,) the evidence that slices can have at most; `sums` are (8, n_slices) of the rows."""
        most: Floats = np.maximum(sums[MOST], 0.0)
        if not self.positive:
            return most
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = 1 + sums[OFF] / sums[DUE]
            half = (factor + 1) / 2
            distortion = np.sqrt(np.maximum(half, 1 / half)) - 1
            step = (factor - 1) / np.sqrt(half)
            dense = (
                step * sums[SCORE]
                + np.abs(step) * distortion * sums[DISTORTION]
                - (step * (1 - distortion)) ** 2 * sums[INFORMATION] / 2
            )
            sparse = np.log(factor) * sums[SEEN] - (factor - 1) * sums[MEANT]
            near = np.abs(step) * (1 + distortion) * self.widest <= NEAR
            near &= (distortion < FURTHEST) & (np.abs(np.log(factor)) * self.heavy <= CELL_SAYS)
            near &= (factor - 1) * DENSE <= CELL_SAYS
        bound = np.where(near & np.isfinite(dense + sparse), np.minimum(dense + sparse, most), most)
        return np.asarray(bound + SLACK * (1 + most))


def summed(cells: Cells, scatter: Scatter) -> Summed:
    """What to sum of cells, as long as none is explained."""
    o, e = cells.observed, cells.expected
    away = scatter.away(o, e)
    positive = bool(min(o.min(initial=0.0), e.min(initial=0.0)) >= 0)
    rows = np.zeros((8, len(o)))
    base = e + scatter.least
    weight = 1 / (scatter.a + scatter.b * np.maximum(e, scatter.least))
    rows[OFF], rows[DUE] = weight * (o - e), weight * base
    with np.errstate(invalid="ignore"):
        root = np.sqrt(base / (scatter.a + scatter.b * base))
    rows[SCORE], rows[INFORMATION] = away * root, root**2
    rows[DISTORTION] = np.abs(rows[SCORE])
    rows[MOST] = np.minimum(away**2 / 2, CELL_SAYS)
    sparse = np.flatnonzero(e < DENSE) if scatter.counts else np.zeros(0, dtype=np.intp)
    heavy = _fill_sparse(rows, sparse, o[sparse], e[sparse], scatter) if len(sparse) else 0.0
    return Summed(rows, away, float(root.max(initial=0.0)), heavy, positive)


def _fill_sparse(rows: Floats, sparse: Places, o: Floats, e: Floats, scatter: Scatter) -> float:
    """What a Poisson's ratio is made of, instead; answers the largest part that the logarithm multiplies."""
    spread = scatter.a + scatter.b * (o + e) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        best = (np.where(o > 0, o * np.log(o / e), 0.0) - o + e) / spread
    rows[SCORE : INFORMATION + 1, sparse] = 0.0
    rows[SEEN, sparse], rows[MEANT, sparse] = o / spread, e / spread
    rows[MOST, sparse] = np.where((o < 0) | (e < 0), CELL_SAYS, np.minimum(best, CELL_SAYS))
    return float(rows[SEEN].max())
