"""
How old what serves is: the model, or the newest row that it learned from.

A training that fails leaves the old model serving, and nothing else shows it: the table of runs has no new
row, and the log goes on. The current age is compared with a promise, or with the ages at which models were
replaced, in the same way as silences (`freshness`): once or twice late was an outage, three times is usual.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
from pydantic import model_validator

from domain.detection.data.check_run import CheckRun
from domain.detection.data.trainings import Ages
from domain.detection.expect.silence import Usual, usual_silence
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.judging import Again, Judging
from domain.detection.judge.severity import SEV1_TIMES, SEV2_TIMES
from domain.detection.judge.state import SHORT_SECONDS as LONG
from domain.detection.judge.state import CheckState, Verdict, confirm
from domain.detection.kind import Kind
from domain.detection.needs import ServingAges
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.recommender.keys.duration import name_duration
from domain.recommender.options import AsOf, Beside
from domain.values import Finding, Severity

DAY_SECONDS, HOUR_SECONDS = 86_400, 3_600
FINE_DAYS = 2  # above which an age is given in hours


class Keys(AsOf, Beside):
    """What a model dates from: a column of the table, or of a table beside it that has its version."""

    @model_validator(mode="after")
    def _said(self) -> Self:
        if self.beside is not None and len(self.on) != 1:
            raise ValueError('a model is found beside by its version; add on = {version = "run"}')
        if self.beside is None and self.on:
            raise ValueError(
                'does not say by which columns to join; add for instance beside = "training_runs"'
            )
        return self


def judge_staleness(check: Check, ages: Ages, state: CheckState) -> Verdict:
    """Whether what serves is older than the promise `within`, or than it usually ever gets."""
    if not len(ages.born):
        return Verdict(state=state, judged=False, note="nothing was trained yet")
    usual = usual_age(check, ages, state)
    if usual is None:
        return Verdict(state=state, judged=False, note="not enough history yet")
    findings = [_finding(check, ages, usual)] if ages.age > usual.limit else []
    verdict = confirm(state, findings, LONG, datetime.fromtimestamp(ages.at, UTC))
    return verdict.comparing([_compared(check, ages, usual)] if () in state.traced else ())


def _compared(check: Check, ages: Ages, usual: Usual) -> Comparison:
    at = datetime.fromtimestamp(ages.at, UTC)
    return Comparison(
        subject=Keys.of(check).as_of or "age",
        unit="seconds",
        window_start=at - timedelta(seconds=ages.width),
        window_end=at,
        observed=ages.age,
        expected=usual.longest,
        low=0.0,
        high=usual.limit,
    )


def usual_age(check: Check, ages: Ages, state: CheckState) -> Usual | None:
    """How old it usually gets; None with fewer than seven replacements and no promise."""
    within = check.within.total_seconds() if check.within else None
    good = np.ones(max(len(ages.since) - 1, 0), dtype=bool)
    for wrong in state.wrong(datetime.fromtimestamp(ages.at, UTC)):
        good &= ~((ages.since[1:] > wrong.since.timestamp()) & (ages.since[1:] <= wrong.until.timestamp()))
    replaced = ages.replaced()
    return usual_silence(replaced[good], ages.width, within) or usual_silence(replaced, ages.width, within)


def _finding(check: Check, ages: Ages, usual: Usual) -> Finding:
    at = datetime.fromtimestamp(ages.at, UTC)
    times = ages.age / max(usual.longest, 1.0)
    due = float(ages.born[ages.serving]) + usual.longest
    # a model that was rolled back to was already too old when it began to serve
    since = min(max(due, ages.began), ages.at - ages.width)
    worst = Severity.SEV2 if times >= SEV1_TIMES else Severity.SEV3
    should = f"{'promised' if check.within else 'usually'} at most {name_age(usual.longest)}"
    return Finding(
        check=check.name,
        table=check.table or "",
        subject=Keys.of(check).as_of or "age",
        window_start=datetime.fromtimestamp(since, UTC),
        window_end=at,
        observed=round(ages.age, 1),
        expected=round(usual.longest, 1),
        low=0.0,
        high=round(usual.limit, 1),
        unit="seconds",
        p_value=usual.p_value(ages.age),
        severity=check.severity or (worst if times >= SEV2_TIMES else Severity.SEV4),
        affected_share=1.0,
        title=f"{check.table}: {ages.what} is {name_age(ages.age)} old, {should}",
    )


def name_age(seconds: float) -> str:
    """
    An age in words, as precisely as its length requires.

    >>> name_age(100_000.0), name_age(400_000.0)
    ('1d3h47m', '4d15h')
    """
    fine = DAY_SECONDS // 24 if seconds >= FINE_DAYS * DAY_SECONDS else 60 if seconds >= HOUR_SECONDS else 1
    return name_duration(timedelta(seconds=round(seconds / fine) * fine))


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


def _verdict(run: CheckRun, ages: Ages, memory: CheckState) -> Verdict:
    return judge_staleness(run.check, ages, memory)


def _measured(_look: CheckRun, ages: Ages, again: Again[Ages]) -> Measurement:
    return measure_staleness(again.finding, ages)


KIND = Kind(
    name="staleness",
    purpose="a model that has not been replaced for too long",
    example={"within": "2d"},
    options=Keys,
    needs=ServingAges(),
    judging=Judging(_verdict, _measured),
    sliced="never",
    evidences=("monitor-4",),
    windows=False,
    fault="model",
)
