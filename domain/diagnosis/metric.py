"""What the check's own table counts since the onset, by slice: far more than the requests that are logged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from domain.diagnosis.candidates.undone import Gap
from domain.diagnosis.place import inside
from domain.values import Slice

AGREE = 3.0  # standard deviations up to which the log and the metric show the same gap
MEDIAN = 0.4549  # of a square of one standard normal


@dataclass(frozen=True)
class Metric:
    """`cells` with `observed` and `expected`, and the dimensions that they are counted by."""

    cells: pd.DataFrame
    dimensions: tuple[str, ...]

    @property
    def turned(self) -> Metric:
        """The metric with before and now swapped."""
        names = {"observed": "expected", "expected": "observed"}
        return replace(self, cells=self.cells.rename(columns=names))

    def ratio(self, where: Slice) -> tuple[float, float] | None:
        """Expected over observed in a slice, and its standard deviation; null where it is not counted."""
        if any(name not in self.dimensions for name, _ in where):
            return None
        held = inside(self.cells, where)
        o, e = (float(self.cells.loc[held, name].sum()) for name in ("observed", "expected"))
        if not (o > 0 and e > 0):
            return None
        return e / o, e / o * float(np.sqrt(self._overdispersion() * (1 / o + 1 / e)))

    def sharpened(self, gap: Gap, where: Slice, spread: float) -> Gap:
        """
        The gap in the logged requests, made more precise by what they show now (`observed`, known to
        `spread`) and how far the metric has moved there. Both are weighted by precision where they show the
        same; else it is not a matter of exposure, and the log alone counts.
        """
        estimate = self.ratio(where)
        if estimate is None or gap.observed <= 0:
            return gap
        ratio, off = estimate
        logged = gap.expected - gap.observed
        counted = gap.observed * (ratio - 1)
        sd = float(np.hypot((ratio - 1) * spread, gap.observed * off))
        if abs(logged - counted) > AGREE * np.hypot(gap.sd, sd) or not np.isfinite(gap.sd) or sd <= 0:
            return gap
        precisions = 1 / max(gap.sd, 1e-12) ** 2, 1 / sd**2
        wide = (logged * precisions[0] + counted * precisions[1]) / sum(precisions)
        return replace(gap, expected=gap.observed + wide, sd=float(1 / np.sqrt(sum(precisions))))

    def _overdispersion(self) -> float:
        """How much more counts scatter than Poisson's; at least 1. The median ignores the cells affected."""
        o, e = (self.cells[name].to_numpy(float) for name in ("observed", "expected"))
        known = (o + e) > 0
        if not known.any():
            return 1.0
        squares = (o - e)[known] ** 2 / (o + e)[known]
        return max(float(np.median(squares)) / MEDIAN, 1.0)
