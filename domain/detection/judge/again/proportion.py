"""The metric of a finding about a share of the rows, or about answer times, measured again."""

from __future__ import annotations

from domain.detection.expect.usual_proportion import LEAST_WINDOWS
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.measured import none_measured
from domain.detection.judge.proportion import Promise, Proportions, judge, usable_windows
from domain.detection.judge.state import CheckState
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Finding

STILL_USUAL = 0.5  # of the least change that is reported; within it, a share is back


def measure_proportion(
    check: Check,
    finding: Finding,
    proportions: Proportions,
    promise: Promise | None,
    memory: CheckState,
) -> Measurement:
    """
    The rows of the finding's column and slice that have the property, in the last window.

    Args:
        promise: what was promised, if the past is not used.
        memory: times that nothing is learned from.

    Raises:
        TooFewRows: too short a past, or no rows of the slice now.
    """
    if finding.slice not in proportions.cells:
        raise TooFewRows(none_measured(finding))
    if finding.subject not in proportions.columns:
        # A version that is no longer in any row, nor in the declaration: it serves nothing, as it should.
        return Measurement(observed=0.0, expected=0.0, low=0.0, high=0.0, p_value=1.0)
    at = proportions.cells.index(finding.slice), proportions.columns.index(finding.subject)
    rows = float(proportions.rows[-1][at])
    if rows <= 0:
        raise TooFewRows(none_measured(finding))
    usable = usable_windows(proportions, memory)
    if promise is None and usable.sum() < LEAST_WINDOWS:
        raise TooFewRows("fewer than three windows before the incident: nothing to measure against")
    judged = judge(proportions, usable, promise)
    drop, surge = judged.sides["drop"], judged.sides["surge"]
    expected = float(drop.expected[at] if finding.change < 0 else surge.expected[at])
    reach = STILL_USUAL * check.least_change * expected if promise is None else 0.0
    return Measurement(
        observed=float(judged.held[at]),
        expected=expected,
        low=max(0.0, min(float(drop.edge[at]), expected - reach)),
        high=min(rows, max(float(surge.edge[at]), expected + reach)),
        p_value=float(min(1.0, 2 * min(drop.p_values[at], surge.p_values[at]))),
    )
