"""The metric of a finding about a model, measured again."""

from __future__ import annotations

from domain.detection import calibration, skew
from domain.detection.drift import BAND
from domain.detection.measure import Measurement
from domain.detection.measure_data import STILL_USUAL
from domain.detection.outcomes import Outcomes
from domain.detection.skew import Fed
from domain.detection.spoiled import Past
from domain.detection.staleness import Ages
from domain.detection.state import CheckState
from domain.detection.training import Runs, least_change, usable_runs, usual_runs
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Finding, Slice


def measure_calibration(
    check: Check, finding: Finding, outcomes: Outcomes, memory: CheckState
) -> Measurement:
    """
    Choices of the finding's slice and scores in the last window, against what such scores usually bring.

    Raises:
        TooFewRows: too short a past, or nothing of the slice is scored now.
    """
    place = _place(finding, outcomes.cells)
    usable = calibration.usable_windows(outcomes, memory)
    if usable.sum() < calibration.LEAST_WINDOWS:
        raise TooFewRows("fewer than three windows before the incident: nothing to measure against")
    judged = calibration.judge(check, outcomes, usable)
    names = [calibration.subject_of(outcomes.score, column) for column in range(judged.scored.shape[1])]
    if finding.subject not in names:
        raise TooFewRows(f'table "{finding.table}": {finding.subject} is not looked at any more')
    at = (place, names.index(finding.subject))
    if judged.scored[at] <= 0:
        raise TooFewRows(f'table "{finding.table}": nothing of this slice is scored in this window')
    expected = float(judged.expected[at])
    low, high = (float(side[at]) for side in judged.ratios.band(judged.scored))
    near = STILL_USUAL * check.least_change * expected
    return Measurement(
        observed=float(judged.chosen[at]),
        expected=expected,
        low=min(low, expected - near),
        high=max(high, expected + near),
        p_value=float(judged.p_values[at]),
    )


def measure_skew(check: Check, finding: Finding, fed: Fed, memory: CheckState) -> Measurement:
    """
    Rows of the finding's feature and slice that lie elsewhere than in training, in the last window.

    Raises:
        TooFewRows: too short a past, or no rows of the slice now.
    """
    place = _place(finding, fed.served.cells)
    names = [skew.subject_of(one) for one in fed.served.bins]
    usable = skew.usable_windows(fed, memory)
    if usable.sum() < skew.LEAST_WINDOWS or finding.subject not in names:
        raise TooFewRows(f'table "{finding.table}": too short a past, or no {finding.subject} any more')
    judged, at = skew.judge(fed, usable), (place, names.index(finding.subject))
    rows = float(judged.rows[at])
    if rows <= 0:
        raise TooFewRows(f'table "{finding.table}": no rows of this slice in this window; it is too early')
    usual = float(judged.usual[at]) * rows
    return Measurement(
        observed=float(judged.moved[at]) * rows,
        expected=usual,
        low=0.0,
        high=max(BAND * usual, usual + STILL_USUAL * skew.least_share(check) * rows),
        p_value=float(judged.p_values[at]),
    )


def measure_training(check: Check, finding: Finding, runs: Runs, past: Past) -> Measurement:
    """
    The finding's number of the newest run, against those before the incident.

    Raises:
        TooFewRows: there was no training since, or too few before.
    """
    if not runs.at or runs.at[-1] <= finding.window_start:
        raise TooFewRows(f'table "{finding.table}": no training since; it is too early to measure')
    if finding.subject not in runs.columns:
        raise TooFewRows(f'table "{finding.table}": {finding.subject} is not looked at any more')
    column = runs.columns.index(finding.subject)
    good = usable_runs(runs, CheckState(known=past.wrong))
    good &= [at < past.before for at in runs.at]
    usual = usual_runs(runs.values[good][:, [column]])
    if usual.freedom[0] <= 0:
        raise TooFewRows("fewer than three trainings before the incident: nothing to measure against")
    value, mean = float(runs.values[-1, column]), float(usual.mean[0])
    low, high = (float(side[0]) for side in usual.band())
    near = STILL_USUAL * least_change(check) * abs(mean)
    return Measurement(
        observed=value,
        expected=mean,
        low=min(low, mean - near),
        high=max(high, mean + near),
        p_value=float(usual.p_values(runs.values[-1, [column]])[0]),
    )


def measure_staleness(finding: Finding, ages: Ages) -> Measurement:
    """
    How old what serves is, against the limit it was found by.

    Raises:
        TooFewRows: nothing serves.
    """
    if not len(ages.born):
        raise TooFewRows(f'table "{finding.table}": nothing was trained; there is no age to measure')
    limit = finding.high if finding.high is not None else finding.expected
    return Measurement(
        observed=ages.age, expected=finding.expected, low=0.0, high=limit, p_value=float(ages.age <= limit)
    )


def _place(finding: Finding, cells: tuple[Slice, ...]) -> int:
    if finding.slice not in cells:
        raise TooFewRows(f'table "{finding.table}": no rows of this slice in this window; it is too early')
    return cells.index(finding.slice)
