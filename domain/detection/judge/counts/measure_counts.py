"""Rows counted again: a slice relative to all rows, or all rows against what windows usually hold."""

from __future__ import annotations

from typing import Any

from domain.detection.data.check_run import CheckRun
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.judge.again.measure import Measurement, measure_slice, measure_total
from domain.detection.judge.again.ratio import measure_ratio
from domain.detection.judge.judging import Again


def measure_counts(run: CheckRun, past: Any, again: Again[Any]) -> Measurement:
    """
    The rows of the finding's slice, or all of them, in the present window; or its ratio.

    Args:
        past: `Counts` or `RatioCells`, whichever the check reads; the present as well.

    Raises:
        TooFewRows: too short a past, or no rows now.
    """
    present = past if again.present is None else again.present
    if isinstance(past, RatioCells):
        return measure_ratio(again.finding, past, present, run.check.least_change)
    amounts = run.check.measure is not None
    if again.finding.slice:
        return measure_slice(again.finding, past, present, amounts)
    return measure_total(past, present, run.window, run.check.least_change, amounts)
