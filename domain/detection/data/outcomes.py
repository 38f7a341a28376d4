"""The probabilities a model predicted, and what was chosen: by window, slice and score, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from domain.detection.data.counts import Floats
from domain.detection.data.tally import celled
from domain.detection.data.window import Grid
from domain.detection.data.windowed import Windowed
from domain.values import Slice

EDGES = (
    *(0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
    *(0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0),
)
"""Where probabilities are cut; the same at every look, so that a finding of one look keeps its name."""


@dataclass(frozen=True)
class Outcomes(Windowed):
    """
    Scored rows of one table; the last window is the one that is judged.

    (n_windows, n_cells, n_bins), one bin between every two of `EDGES`: `rows` with a score, the sum `scored`
    of their scores (each a probability, so: choices predicted), and how many were `chosen`. `cells` names the
    slices, the whole table () first; `score` is the column.
    """

    grid: Grid
    cells: tuple[Slice, ...]
    score: str
    rows: Floats
    scored: Floats
    chosen: Floats
    first: int = 0

    def until(self, last: int, history: int) -> Outcomes:
        """The outcomes with window `last` as the judged one and at most `history` windows before it."""
        begin = max(last - history, 0)
        span = slice(begin, last + 1)
        cut = {name: getattr(self, name)[span] for name in ("rows", "scored", "chosen")}
        return replace(self, **cut, first=self.first + begin)


def outcomes_of(frame: pd.DataFrame, grid: Grid, score: str) -> Outcomes:
    """
    The frame of `workers.sources.logged.scored` as arrays; windows and slices absent there hold 0 rows.

    Args:
        frame: columns window, dim1, val1, dim2, val2 (as of `count_windows`), bin, rows, scored, chosen.
    """
    frame = frame[(frame["window"] >= 0) & (frame["window"] < grid.count)]
    cells, places = celled(frame)
    bins = len(EDGES) - 1
    row = frame["window"].to_numpy(dtype=np.int64) * len(cells) + places
    flat = row * bins + frame["bin"].to_numpy(dtype=np.int64)
    shape = (grid.count, len(cells), bins)

    def added(name: str) -> Floats:
        n = frame[name].to_numpy(dtype=np.float64)
        return np.bincount(flat, n, minlength=int(np.prod(shape))).astype(np.float64).reshape(shape)

    return Outcomes(grid, cells, score, added("rows"), added("scored"), added("chosen"))
