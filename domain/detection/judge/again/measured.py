"""What all repeated measurements have in common: a slice that is present, and a past."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.data.histogram import Histograms
from domain.detection.data.tally import Tally
from domain.detection.expect.usual_proportion import LEAST_WINDOWS
from domain.detection.judge.state import CheckState
from domain.detection.judge.usable import learnable
from domain.errors import TooFewRows
from domain.values import Finding, Slice

STILL_USUAL = 0.5  # of the least share that is reported; within it, a share is back


def usable_measured(held: Tally | Histograms, memory: CheckState) -> npt.NDArray[np.bool_]:
    """
    (n_windows,) the windows that a finding is measured against.

    Raises:
        TooFewRows: fewer than three.
    """
    usable = learnable(held.grid, held.first, len(held.rows), memory, LEAST_WINDOWS, held.rows[:, 0] > 0)
    if usable.sum() < LEAST_WINDOWS:
        raise TooFewRows("fewer than three windows before the incident: nothing to measure against")
    return usable


def place_measured(finding: Finding, cells: tuple[Slice, ...], rows: Floats) -> tuple[int, float]:
    """
    The place of the finding's slice among `cells`, and its `rows` (n_cells,) now.

    Raises:
        TooFewRows: there are none.
    """
    place = cells.index(finding.slice) if finding.slice in cells else None
    if place is None or rows[place] <= 0:
        raise TooFewRows(none_measured(finding))
    return place, float(rows[place])


def cell_measured(finding: Finding, cells: tuple[Slice, ...]) -> int:
    """
    The place of the finding's slice among `cells`.

    Raises:
        TooFewRows: it is not there.
    """
    if finding.slice not in cells:
        raise TooFewRows(none_measured(finding))
    return cells.index(finding.slice)


def none_measured(finding: Finding) -> str:
    """The message that the slice has no rows now."""
    return f'table "{finding.table}": no rows of this slice in this window; it is too early'
