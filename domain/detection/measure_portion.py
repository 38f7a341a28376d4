"""The metric of a finding about a part of the rows, or about answer times, measured again."""

from __future__ import annotations

import numpy as np

from domain.detection import latency, sampling, stages, versions
from domain.detection.histogram import Histograms
from domain.detection.measure import Measurement
from domain.detection.portion import Portions, Promise, judge, usable_windows
from domain.detection.rate import LEAST_WINDOWS
from domain.detection.state import CheckState
from domain.detection.tally import Tally
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Finding

STILL_USUAL = 0.5  # of the least change that is told, within which a part is back


def measure_portion(check: Check, finding: Finding, tally: Tally, memory: CheckState) -> Measurement:
    """
    The rows of the finding's column and slice that have the property, in the last window.

    Args:
        check: of kind stages, sampling or versions; of versions it says what should serve now.
        memory: times that nothing is learned from.

    Raises:
        TooFewRows: too short a past, or no rows of the slice now.
    """
    portions, promise = _asked(check, tally)
    if finding.slice not in portions.cells:
        raise TooFewRows(_none(finding))
    if finding.subject not in portions.columns:
        # A version that no row names any more, nor the declaration: it serves nothing, as it should.
        return Measurement(observed=0.0, expected=0.0, low=0.0, high=0.0, p_value=1.0)
    at = portions.cells.index(finding.slice), portions.columns.index(finding.subject)
    rows = float(portions.rows[-1][at])
    if rows <= 0:
        raise TooFewRows(_none(finding))
    usable = usable_windows(portions, memory)
    if promise is None and usable.sum() < LEAST_WINDOWS:
        raise TooFewRows("fewer than three windows before the incident: nothing to measure against")
    judged = judge(portions, usable, promise)
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


def _asked(check: Check, tally: Tally) -> tuple[Portions, Promise | None]:
    match check.kind:
        case "stages":
            return stages.flow_of(check, tally), None
        case "sampling":
            return sampling.kept_of(tally), sampling.promise_of(check)
        case _:
            served = versions.served_of(tally)
            return served, versions.promise_of(check, served.columns)


def measure_latency(check: Check, finding: Finding, held: Histograms, memory: CheckState) -> Measurement:
    """
    Answers of the finding's slice that are slower than the quantile it was told by.

    Raises:
        TooFewRows: too short a past, or no answers of the slice now.
    """
    if finding.slice not in held.cells or not held.bins:
        raise TooFewRows(_none(finding))
    usable = latency.usable_windows(held, memory)
    known = latency.slow_of(check, held, usable)
    slow = next((one for one in known if one.unit(held.bins[0].column) == finding.unit), None)
    if slow is None:
        raise TooFewRows("fewer than three windows before the incident: nothing to measure against")
    judged, place = latency.judge(held, usable, slow), held.cells.index(finding.slice)
    rows = float(judged.rows[place])
    if rows <= 0:
        raise TooFewRows(_none(finding))
    expected = float(judged.expected[place, 0])
    # Told is a quantile that has moved: it is back once no more than its share of answers lie beyond.
    most = max(float(judged.rates.most(judged.rows)[place, 0]), expected + STILL_USUAL * slow.share * rows)
    return Measurement(
        observed=float(judged.bad[place, 0]),
        expected=expected,
        low=0.0,
        high=float(np.minimum(most, rows)),
        p_value=float(judged.p_values[place, 0]),
    )


def _none(finding: Finding) -> str:
    return f'table "{finding.table}": no rows of this slice in this window; it is too early'
