"""The metric of a finding about what rows hold, measured again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domain.detection.counts import Floats
from domain.detection.drift import BAND
from domain.detection.drift import LEAST_SHARE as LEAST_MOVED
from domain.detection.drift import judge as judge_histograms
from domain.detection.histogram import Histograms
from domain.detection.measure import Measurement
from domain.detection.rate import LEAST_WINDOWS
from domain.detection.state import CheckState
from domain.detection.tally import Tally, learnable
from domain.detection.wrong import Words
from domain.detection.wrong import judge as judge_tally
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Finding, Slice

STILL_USUAL = 0.5  # of the least share that is told, within which a share is back


def measure_rows(
    check: Check, finding: Finding, tally: Tally, words: Words, memory: CheckState
) -> Measurement:
    """
    Wrong rows of the finding's column and slice in the last window, against the windows before.

    Raises:
        TooFewRows: too short a past, or no rows of the slice now.
    """
    place, rows = _place(finding, tally.cells, tally.rows[-1])
    column = tally.columns.index(finding.subject) if finding.subject in tally.columns else None
    if column is None:
        raise TooFewRows(f'table "{finding.table}": {finding.subject} is not looked at any more')
    judged = judge_tally(tally, _usable(tally, memory))
    least = words.least(check, tally.columns[column])
    expected = float(judged.expected[place, column])
    return Measurement(
        observed=float(judged.bad[place, column]),
        expected=expected,
        low=0.0,
        high=max(float(judged.rates.most(judged.rows)[place, column]), expected + STILL_USUAL * least * rows),
        p_value=float(judged.p_values[place, column]),
    )


def measure_moved(check: Check, finding: Finding, histograms: Histograms, memory: CheckState) -> Measurement:
    """
    Rows of the finding's column and slice that moved in the last window, against the windows before.

    Raises:
        TooFewRows: too short a past, or no rows of the slice now.
    """
    place, _rows = _place(finding, histograms.cells, histograms.rows[-1])
    names = [one.column for one in histograms.bins]
    if finding.subject not in names:
        raise TooFewRows(f'table "{finding.table}": {finding.subject} has no values in this window')
    column = names.index(finding.subject)
    judged = judge_histograms(histograms, _usable(histograms, memory))
    rows = float(judged.rows[place, column])
    usual = float(judged.usual[place, column]) * rows
    least = check.least_share if check.least_share is not None else LEAST_MOVED
    return Measurement(
        observed=float(judged.moved[place, column]) * rows,
        expected=usual,
        low=0.0,
        high=max(BAND * usual, usual + STILL_USUAL * least * rows),
        p_value=float(judged.p_values[place, column]),
    )


def _usable(held: Tally | Histograms, memory: CheckState) -> npt.NDArray[np.bool_]:
    usable = learnable(held.grid, held.first, len(held.rows), memory, LEAST_WINDOWS, held.rows[:, 0] > 0)
    if usable.sum() < LEAST_WINDOWS:
        raise TooFewRows("fewer than three windows before the incident: nothing to measure against")
    return usable


def _place(finding: Finding, cells: tuple[Slice, ...], rows: Floats) -> tuple[int, float]:
    place = cells.index(finding.slice) if finding.slice in cells else None
    if place is None or rows[place] <= 0:
        raise TooFewRows(f'table "{finding.table}": no rows of this slice in this window; it is too early')
    return place, float(rows[place])
