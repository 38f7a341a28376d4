"""
The newest training of a model against those before it, by what its run says of itself.

A run is a row: the area under the curve on what was held out, the loss, the rows that it learned from. Runs
are few, so each number is held against the mean of the others by Student's t of one more of them, which is
exact where runs scatter normally, and honest about how little five of them say. What a run is found to be
stands until the next one: what was trained badly goes on serving.

Source:
    Prediction interval of one more observation: Hahn & Meeker (1991), "Statistical Intervals", ch. 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy import stats

from domain.detection.counts import Floats
from domain.detection.discovery import WEEK_SECONDS, benjamini_hochberg, level, spend
from domain.detection.state import SHORT_SECONDS as LONG
from domain.detection.state import CheckState, Verdict, confirm
from domain.detection.title import place_of
from domain.recommender.check import Check
from domain.values import Finding, Severity

LEAST_RUNS = 3  # before the one that is judged
LEAST_CHANGE = 0.05  # of a number, where nothing is declared
LEAST_SPREAD = 0.001  # of a number: no run repeats itself more exactly than that
BAND = 0.95


@dataclass(frozen=True)
class Runs:
    """
    Trainings in order of time, the last one the one that is judged: `values` (n_runs, n_columns), NaN where a
    run does not say.
    """

    at: tuple[datetime, ...]
    columns: tuple[str, ...]
    values: Floats

    def until(self, end: datetime) -> Runs:
        """Those up to `end`."""
        held = sum(1 for one in self.at if one < end)
        return Runs(self.at[:held], self.columns, self.values[:held])


@dataclass(frozen=True)
class Usual:
    """(n_columns,) what one more run should say: mean, half of the band, degrees of freedom (0: unknown)."""

    mean: Floats
    spread: Floats
    freedom: Floats

    def p_values(self, values: Floats) -> Floats:
        """Two-sided; 1 where nothing is known, or nothing is said."""
        known = (self.freedom > 0) & np.isfinite(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.where(known, np.abs(values - self.mean) / self.spread, 0.0)
        return np.asarray(np.where(known, 2 * stats.t.sf(away, np.maximum(self.freedom, 1)), 1.0))

    def band(self) -> tuple[Floats, Floats]:
        """Where 95 of a hundred runs lie."""
        reach = stats.t.ppf((1 + BAND) / 2, np.maximum(self.freedom, 1)) * self.spread
        return self.mean - reach, self.mean + reach


def usual_runs(values: Floats) -> Usual:
    """
    What one more run should say, from (n_runs, n_columns) of those before.

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
    Whether the newest run says something else of itself than those before it.

    Args:
        window: the look's window; only its end says which run is the newest.

    Returns:
        One finding for each number that is significant over numbers and looks, *and* reaches the least
        change. A later look at the same run says the same: no level is asked twice of one training.
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
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    return confirm(state, findings, LONG, runs.at[-1])


def _stands(state: CheckState, finding: Finding) -> bool:
    """Whether this very run was found to be so before."""
    seen = state.seen.get(finding.fingerprint)
    return seen is not None and seen.told and seen.since == finding.window_start


def least_change(check: Check) -> float:
    """The relative change that matters: the declared one, else one that suits a training."""
    return check.least_change if "least_change" in check.model_fields_set else LEAST_CHANGE


def usable_runs(runs: Runs, state: CheckState) -> npt.NDArray[np.bool_]:
    """
    (n_runs,) those that the newest is held against; all of them, where hardly any was not itself an incident.
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
