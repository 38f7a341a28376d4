"""The metric of a series' finding measured again: is it back to what its past predicts?"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from domain.detection.data.metric import Metric
from domain.detection.expect.season import Forecasts
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.excluded import Past as Before
from domain.detection.judge.series.anomaly_finding import swing_of
from domain.detection.judge.series.anomaly_score import (
    AnomalyScore,
    least_past,
    level_score,
    past_of,
    spread_score,
    standstill,
)
from domain.detection.judge.series.shared_scores import normal_after, usable_windows
from domain.detection.judge.state import CheckState
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Finding

BAND_SHARE = 0.95  # of the past's distances, the share that lies in the band


def measure_series(
    check: Check, finding: Finding, metric: Metric, before: Before, start: datetime
) -> Measurement:
    """
    What the finding is about, over the metric's windows from `start` on, taken together.

    The expectation is learned from windows that ended before the incident, and in which nothing was wrong;
    once it has stood so long that it is the new normal, from those since as well.

    Raises:
        TooFewRows: there is not enough past, or no value now.
    """
    if finding.slice not in metric.slices:
        raise TooFewRows(f'table "{finding.table}": no row of this slice is left to measure')
    place = metric.slices.index(finding.slice)
    if finding.unit == "seconds":
        return _silence(finding, metric, place)
    usable, _counted = usable_windows(metric, place, CheckState(known=before.wrong))
    normal = before.before + normal_after(metric.grid.width)
    good, accepted, measured = (_ended_by(metric, at) for at in (before.before, normal, start))
    usable[good:accepted] = False
    usable[max(good, measured) :] = False
    past = past_of(metric, place, usable, usable)
    windows = max(1, int((metric.end - start) / metric.grid.width))
    make = spread_score if finding.unit == swing_of(check) else level_score
    score = make(past, _from_the_first_day(past.forecast()), windows)
    known = _known(score, usable)
    if len(known) < least_past(past.a_day) or not np.isfinite(score.distance[-1]):
        raise TooFewRows(
            f'table "{finding.table}": too short a past, or no value now; it is too early to measure'
        )
    return _measured(score, known, check.least_change, swings=make is spread_score)


def _from_the_first_day(forecast: Forecasts) -> Forecasts:
    """The forecast by level alone before the season is known: what was found that way also ends that way."""
    known = np.isfinite(forecast.seasonal)
    return replace(forecast, seasonal=np.where(known, forecast.seasonal, forecast.best))


def _ended_by(metric: Metric, at: datetime) -> int:
    """The number of windows that had ended by then."""
    return bisect_right(range(metric.count), at, key=lambda place: metric.edge(place + 1))


def _known(score: AnomalyScore, usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    known = score.distance[usable]
    return np.asarray(known[np.isfinite(known)], dtype=np.float64)


def _measured(
    score: AnomalyScore, known: npt.NDArray[np.float64], least_change: float, *, swings: bool
) -> Measurement:
    reach, distance = float(np.quantile(known, BAND_SHARE)), float(score.distance[-1])
    rarer = float((1 + (known >= distance).sum()) / (1 + len(known)))
    observed = float(score.observed[-1])
    if swings:
        usual = float(np.median(known))
        return Measurement(observed=observed, expected=usual, low=0.0, high=max(reach, usual), p_value=rarer)
    expected = float(score.expected[-1])
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
