"""The metric of a series' finding measured again: is it back to what its past leads one to expect?"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from domain.detection.measure import Measurement
from domain.detection.series import Metric, usable_windows
from domain.detection.spoiled import Past as Before
from domain.detection.state import CheckState
from domain.detection.strain import Strain, least_past, level_strain, spread_strain, standstill
from domain.detection.strain_finding import swing_of
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Finding

BAND_SHARE = 0.95  # of the past's distances that lie in the band


def measure_series(
    check: Check, finding: Finding, metric: Metric, before: Before, start: datetime
) -> Measurement:
    """
    What the finding is about, over the metric's windows from `start` on, taken together.

    What it should be is learned from windows that ended before the incident, and in which nothing was wrong.

    Raises:
        TooFewRows: there is not enough past, or no value now.
    """
    if finding.slice not in metric.slices:
        raise TooFewRows(f'table "{finding.table}": no row of this slice is left to measure')
    place = metric.slices.index(finding.slice)
    if finding.unit == "seconds":
        return _silence(finding, metric, place)
    ends = np.array([metric.edge(i + 1).timestamp() for i in range(metric.count)])
    usable = usable_windows(metric, place, CheckState(known=before.wrong))
    usable &= ends <= before.before.timestamp()
    past = metric.past(place, usable)
    windows = max(1, int((metric.end - start) / metric.grid.width))
    make = spread_strain if finding.unit == swing_of(check) else level_strain
    strain = make(past, past.foretold(), windows)
    known = _known(strain, usable)
    if len(known) < least_past(past.a_day) or not np.isfinite(strain.distance[-1]):
        raise TooFewRows(
            f'table "{finding.table}": too short a past, or no value now; it is too early to measure'
        )
    return _measured(strain, known, check.least_change, swings=make is spread_strain)


def _known(strain: Strain, usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    known = strain.distance[usable]
    return np.asarray(known[np.isfinite(known)], dtype=np.float64)


def _measured(
    strain: Strain, known: npt.NDArray[np.float64], least_change: float, *, swings: bool
) -> Measurement:
    reach, distance = float(np.quantile(known, BAND_SHARE)), float(strain.distance[-1])
    rarer = float((1 + (known >= distance).sum()) / (1 + len(known)))
    observed = float(strain.observed[-1])
    if swings:
        usual = float(np.median(known))
        return Measurement(observed=observed, expected=usual, low=0.0, high=max(reach, usual), p_value=rarer)
    expected = float(strain.expected[-1])
    reach = max(reach, abs(expected) * least_change / 2)
    return Measurement(
        observed=observed, expected=expected, low=expected - reach, high=expected + reach, p_value=rarer
    )


def _silence(finding: Finding, metric: Metric, place: int) -> Measurement:
    silent = float(standstill(metric.values(place))[-1]) * metric.grid.width.total_seconds()
    limit = finding.high if finding.high is not None else finding.expected
    return Measurement(
        observed=silent, expected=finding.expected, low=0.0, high=limit, p_value=float(silent <= limit)
    )
