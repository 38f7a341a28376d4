"""Rows with something wrong, by window, slice and column, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.counts import Floats, coded, slice_named
from domain.detection.data.window import Grid
from domain.detection.data.windowed import Windowed
from domain.values import Slice

LEAST_DRAWN = 8.0
"""Fewer rows of a sample than this are not worth a person's attention, however many they stand for."""

OTHERS = "all others"
"""Stands for the items that are too rare to be told apart."""


@dataclass(frozen=True)
class Tally(Windowed):
    """
    Rows of one table, and those of them that are wrong; the last window is the one that is judged.

    `cells` names the slices, the whole table () first; `columns` what may be wrong, `labels` the same in more
    words, if there are any, `promised` those declared never to be wrong. `rows` is (n_windows, n_cells),
    `bad` (n_windows, n_cells, n_columns), both counts ≥ 0, bad ≤ rows. `part` is the part of the table that
    was sampled for it, if not all.
    """

    grid: Grid
    cells: tuple[Slice, ...]
    columns: tuple[str, ...]
    rows: Floats
    bad: Floats
    first: int = 0
    labels: tuple[str, ...] = ()
    promised: tuple[str, ...] = ()
    part: float = 1.0

    def least(self, rows: float) -> float:
        """How many sampled rows stand for so many rows of the table, and are worth reporting."""
        return rows if self.part >= 1.0 else min(rows, max(rows * self.part, LEAST_DRAWN))

    def until(self, last: int, history: int) -> Tally:
        """The tally with window `last` as the judged one and at most `history` windows before it."""
        begin = max(last - history, 0)
        span = slice(begin, last + 1)
        return replace(self, rows=self.rows[span], bad=self.bad[span], first=self.first + begin)


def celled(frame: pd.DataFrame) -> tuple[tuple[Slice, ...], npt.NDArray[np.int64]]:
    """The slices in a frame with dim1, val1, dim2, val2, the whole table first, and each row's place."""
    places, names = coded(frame)
    shift = 0 if names and not names[0][0] else 1  # the whole table has the smallest name, if present
    return ((), *(slice_named(*name) for name in names if name[0])), places + shift


def tally_of(
    frame: pd.DataFrame,
    grid: Grid,
    columns: Sequence[str],
    labels: Sequence[str] = (),
    promised: Sequence[str] = (),
) -> Tally:
    """
    The frame of `workers.sources.flagged.flags` as arrays; windows and slices absent there hold 0 rows.

    Args:
        frame: columns window, dim1, val1, dim2, val2 (as of `count_windows`), rows, and one count a name in
            `columns`.
    """
    frame = frame[(frame["window"] >= 0) & (frame["window"] < grid.count)]
    cells, places = celled(frame)
    flat = frame["window"].to_numpy(dtype=np.int64) * len(cells) + places
    length = grid.count * len(cells)
    added = [
        np.bincount(flat, frame[name].to_numpy(dtype=np.float64), minlength=length).astype(np.float64)
        for name in ("rows", *columns)
    ]
    shaped = [one.reshape(grid.count, len(cells)) for one in added]
    bad = np.stack(shaped[1:], axis=-1) if columns else np.zeros((grid.count, len(cells), 0))
    return Tally(grid, cells, tuple(columns), shaped[0], bad, labels=tuple(labels), promised=tuple(promised))
