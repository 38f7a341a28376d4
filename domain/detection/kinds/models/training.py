"""
The newest training of a model against earlier ones, by what its run reports about itself.

A run is a row: the area under the curve on held-out data, the loss, the rows that it learned from. Runs
are few, so each number is compared with the mean of the others by Student's t for one more of them, which is
exact if runs scatter normally, and honest about how little five of them say. The judgement on a run
stands until the next one: a badly trained model goes on serving.

Source:
    Prediction interval of one more observation: Hahn & Meeker (1991), "Statistical Intervals", ch. 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator
from scipy import stats

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.trainings import Runs
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.measured import STILL_USUAL
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.discovery import WEEK_SECONDS, benjamini_hochberg, level
from domain.detection.judge.excluded import Past
from domain.detection.judge.judging import Again, Judging
from domain.detection.judge.reporting import conclude
from domain.detection.judge.state import SHORT_SECONDS as LONG
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import place_of
from domain.detection.kind import Kind
from domain.detection.needs import TrainingRuns
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.recommender.options import OfColumns
from domain.values import Finding, Severity

LEAST_RUNS = 3  # runs before the one that is judged
LEAST_CHANGE = 0.05  # of a number, if nothing is declared
LEAST_SPREAD = 0.001  # of a number: no run repeats itself more exactly than that
BAND = 0.95


class Keys(OfColumns):
    """The numbers of a run that are judged."""

    @model_validator(mode="after")
    def _said(self) -> Self:
        if not self.columns:
            raise ValueError('does not say which columns of a training to judge; add columns = ["auc"]')
        return self


@dataclass(frozen=True)
class Usual:
    """(n_columns,) what one more run should say: mean, half of the band, degrees of freedom (0: unknown)."""

    mean: Floats
    spread: Floats
    freedom: Floats

    def p_values(self, values: Floats) -> Floats:
        """Two-sided p-values; 1 if nothing is known, or the run says nothing."""
        known = (self.freedom > 0) & np.isfinite(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.where(known, np.abs(values - self.mean) / self.spread, 0.0)
        return np.asarray(np.where(known, 2 * stats.t.sf(away, np.maximum(self.freedom, 1)), 1.0))

    def band(self) -> tuple[Floats, Floats]:
        """The range of 95 runs in a hundred."""
        reach = stats.t.ppf((1 + BAND) / 2, np.maximum(self.freedom, 1)) * self.spread
        return self.mean - reach, self.mean + reach


def usual_runs(values: Floats) -> Usual:
    """
    What one more run should say, from the earlier ones (n_runs, n_columns).

    >>> usual = usual_runs(np.array([[0.80], [0.81], [0.79], [0.80]]))
    >>> usual.mean.round(2), bool(usual.p_values(np.array([0.6]))[0] < 0.001)
    (array([0.8]), True)
    """
    n = np.isfinite(values).sum(axis=0)
    mean = np.nansum(values, axis=0) / np.maximum(n, 1)
    squares = np.nansum((values - mean) ** 2, axis=0)
    deviation = np.maximum(np.sqrt(squares / np.maximum(n - 1, 1)), LEAST_SPREAD * np.abs(mean))
    spread = deviation * np.sqrt(1 + 1 / np.maximum(n, 1))
    return Usual(mean, spread, np.where(n >= LEAST_RUNS, n - 1, 0).astype(np.float64))


def judge_training(
    check: Check, runs: Runs, window: tuple[datetime, datetime], state: CheckState, looks_per_week: float
) -> Verdict:
    """
    Whether the newest run reports something else about itself than earlier ones.

    Args:
        window: the look's window; only its end matters, for which run is the newest.

    Returns:
        One finding for each number that is significant over numbers and looks, *and* reaches the least
        change. A later look at the same run says the same: one training is not tested twice.
    """
    runs = runs.until(window[1])
    good = usable_runs(runs, state)
    if good.sum() < LEAST_RUNS:
        return Verdict(state=state, judged=False, note="not enough trainings yet")
    usual, now = usual_runs(runs.values[good]), runs.values[-1]
    alpha = level(state.wealth, looks_per_week or WEEK_SECONDS)
    p_values = usual.p_values(now)
    off = now - usual.mean
    with np.errstate(invalid="ignore"):
        matters = np.abs(off) >= least_change(check) * np.abs(usual.mean)
    if check.direction != "both":
        matters &= (off < 0) == (check.direction == "drop")
    found = benjamini_hochberg(p_values, alpha) & matters
    findings = [
        _finding(check, runs, usual, p_values, int(place), window[1]) for place in np.flatnonzero(found)
    ]
    verdict = conclude(state, findings, LONG, runs.at[-1])
    known = np.flatnonzero((usual.freedom > 0) & np.isfinite(now)) if () in state.traced else ()
    return verdict.comparing(_compared(runs, usual, int(place), window) for place in known)


def _compared(runs: Runs, usual: Usual, place: int, window: tuple[datetime, datetime]) -> Comparison:
    low, high = (float(side[place]) for side in usual.band())
    return Comparison(
        subject=runs.columns[place],
        unit=runs.columns[place],
        window_start=window[0],
        window_end=window[1],
        observed=float(runs.values[-1, place]),
        expected=float(usual.mean[place]),
        low=low,
        high=high,
    )


def _stands(state: CheckState, finding: Finding) -> bool:
    """Whether this very run had the same finding before."""
    seen = state.seen.get(finding.fingerprint)
    return seen is not None and seen.reported and seen.since == finding.window_start


def least_change(check: Check) -> float:
    """The relative change that matters: the declared one, else one that suits trainings."""
    return check.least_change if "least_change" in check.model_fields_set else LEAST_CHANGE


def usable_runs(runs: Runs, state: CheckState) -> npt.NDArray[np.bool_]:
    """
    (n_runs,) those that the newest is compared with; all of them, if hardly any was not itself an incident.
    """
    past = np.ones(len(runs.at), dtype=bool)
    past[-1:] = False
    good = past.copy()
    wrong = state.wrong(runs.at[-1]) if runs.at else ()
    for place, at in enumerate(runs.at):
        good[place] &= not any(one.since <= at < one.until for one in wrong)
    return good if int(good.sum()) >= LEAST_RUNS else past


def _finding(
    check: Check, runs: Runs, usual: Usual, p_values: Sequence[float] | Floats, place: int, end: datetime
) -> Finding:
    low, high = (float(side[place]) for side in usual.band())
    value, mean = float(runs.values[-1, place]), float(usual.mean[place])
    column, at = runs.columns[place], runs.at[-1]
    return Finding(
        check=check.name,
        table=check.table or "",
        subject=column,
        window_start=at,
        window_end=end,
        observed=value,
        expected=mean,
        low=low,
        high=high,
        unit=column,
        p_value=float(p_values[place]),
        severity=check.severity or Severity.SEV3,
        title=(
            f"{place_of(check.table or '', ())}: the training of {at:%Y-%m-%d %H:%M} UTC has {column} "
            f"{value:,.4g}, usually {mean:,.4g} ({low:,.4g} to {high:,.4g})"
        )[:300],
    )


def measure_training(check: Check, finding: Finding, runs: Runs, past: Past) -> Measurement:
    """
    The finding's number in the newest run, against those before the incident.

    Raises:
        TooFewRows: there was no training since, or too few before.
    """
    if not runs.at or runs.at[-1] <= finding.window_start:
        raise TooFewRows(f'table "{finding.table}": no training since; it is too early to measure')
    if finding.subject not in runs.columns:
        raise TooFewRows(f'table "{finding.table}": {finding.subject} is no longer checked')
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


def _verdict(run: CheckRun, runs: Runs, memory: CheckState) -> Verdict:
    return judge_training(run.check, runs, (run.start, run.end), memory, run.looks_per_week)


def _measured(run: CheckRun, runs: Runs, again: Again[Runs]) -> Measurement:
    return measure_training(run.check, again.finding, runs, again.past)


KIND = Kind(
    name="training",
    purpose="what the newest training says of itself, against those before",
    example={"columns": ["auc"]},
    options=Keys,
    needs=TrainingRuns(),
    judging=Judging(_verdict, _measured),
    sliced="never",
    windows=False,
    shortens=False,
    fault="training_data",
)
