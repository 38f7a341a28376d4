"""
A metric by window, whole and by slice, against its own season, level, scatter and silences.

How rare a window is in each of several ways is computed in `anomaly_score`; when an anomaly begins and
remains the same one, in `alerting`. This file turns them into one look of a declared check: a change too
small for a person is not reported, and the rarest of several ways determines the wording.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from math import log
from typing import Any, Self

import numpy as np
from pydantic import model_validator

from domain.detection.data.check_run import CheckRun
from domain.detection.data.metric import Metric
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.judging import Again, Judging, as_it_is
from domain.detection.judge.series.alerting import AGAIN, BEGINS, STANDS, cool_windows, stand_windows
from domain.detection.judge.series.anomaly_finding import ReportedAnomaly, comparison_of, finding_of
from domain.detection.judge.series.anomaly_score import (
    RETURN_DAYS,
    WAYS,
    AnomalyScore,
    Way,
    short_windows,
)
from domain.detection.judge.series.measure_series import measure_series
from domain.detection.judge.series.shared_scores import normal_after, scores_of
from domain.detection.judge.state import CheckState, TrackedFinding, Verdict, confirm
from domain.detection.kind import Kind, shared
from domain.detection.needs import AggregateByWindow
from domain.recommender.check import Check
from domain.recommender.options import Aggregated
from domain.values import Slice

HALF = 0.5  # of a dimension's slices; from here on it is the table and not the slices
LARGE_QUANTILE = 0.99  # of the metric's absolute values: what is large for it


class Keys(Aggregated):
    """How a column is aggregated in each window."""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if (self.aggregate == "ratio") != (self.over is not None):
            raise ValueError('aggregate = "ratio" and over = "…", a column to divide by, belong together')
        if self.quantile is not None and self.aggregate != "quantile":
            raise ValueError('quantile is for aggregate = "quantile"; add that, or take quantile out')
        return self


def judge_series(check: Check, metric: Metric, state: CheckState, without: Collection[Way] = ()) -> Verdict:
    """
    Whether the last window is rarer than the metric's own past suggests, whole or in a slice.

    With many slices, each has to be rare enough that one in any of them is as rare as in a single series. If
    the whole is reported, somebody has already been called: a slice need not be so rare to be named instead.

    Args:
        without: ways of being anomalous that are not examined.
    """
    judged, compared = dict[Slice, ReportedAnomaly | None](), list[Comparison | None]()
    for where in metric.slices:
        scores = scores_of(metric, where, state)
        if scores is not None:
            looked_at = [one for one in scores if one.way not in without]
            among = 1 if judged.get(()) else len(metric.slices)
            judged[where] = _rarest(check, metric, where, state, looked_at, among)
            if where in state.traced:
                compared.append(comparison_of(check, metric.edge, metric.count, where, looked_at))
    if not judged:
        return Verdict(state=state, judged=False, note="not enough history yet")
    findings = [
        finding_of(check, metric.edge, metric.count, where, one) for where, one in one_cause(judged).items()
    ]
    patience = stand_windows(metric.a_day) + 1
    until, width = metric.edge(metric.count - 1), metric.grid.width.total_seconds()
    verdict = confirm(state, findings, width, until, clear_after=patience)
    return verdict.comparing(one for one in compared if one is not None)


def one_cause(judged: Mapping[Slice, ReportedAnomaly | None]) -> dict[Slice, ReportedAnomaly]:
    """
    What is reported when several things are anomalous at once: of slices of one dimension, the rarest; the
    whole table if half of that dimension's slices are anomalous with it, or none is.
    """
    anomalous = {where: one for where, one in judged.items() if one is not None}
    whole = {where: one for where, one in anomalous.items() if not where}
    parts = {where: one for where, one in anomalous.items() if where}
    if not parts:
        return whole
    dimension = max(parts, key=lambda where: parts[where].ratio)[0][0]
    alike = {where: one for where, one in parts.items() if where[0][0] == dimension}
    among = sum(1 for where in judged if where and where[0][0] == dimension)
    return whole if whole and len(alike) >= HALF * among else alike


def _rarest(
    check: Check,
    metric: Metric,
    where: Slice,
    state: CheckState,
    looked_at: Sequence[AnomalyScore],
    among: int,
) -> ReportedAnomaly | None:
    """
    The rarest anomaly of one series that is to be reported; None if there is none. A standing one
    continues as long as it is visible within an hour: what takes a day to see would take a day to be over.

    Args:
        among: the number of series in which chance may cause such an anomaly.
    """
    standing = _standing(where, state)
    needed = STANDS if standing else _begins(metric, where, state, among)
    values = metric.values(metric.slices.index(where))
    anomalies = []
    for score in looked_at:
        rarity = score.rarity()
        if rarity.score < needed:
            continue
        if (
            score.windows > short_windows(metric.a_day)
            if standing
            else not _matters(check, score, values[-1])
        ):
            continue
        anomalies.append(
            ReportedAnomaly(
                score,
                rarity,
                nothing=bool(np.isnan(values[-1])),
                large=float(np.quantile(np.abs(values[np.isfinite(values)]), LARGE_QUANTILE)),
                normal_from=_normal_from(metric, standing),
            )
        )
    return max(anomalies, key=lambda one: one.ratio, default=None)


def _standing(where: Slice, state: CheckState) -> TrackedFinding | None:
    """What is already reported for this slice."""
    standing = (one for one in state.seen.values() if one.reported and not one.blind and one.slice == where)
    return next(standing, None)


def _normal_from(metric: Metric, standing: TrackedFinding | None) -> datetime | None:
    """When a standing anomaly becomes the new normal."""
    return standing.since + normal_after(metric.grid.width) if standing else None


def _begins(metric: Metric, where: Slice, state: CheckState, among: int) -> float:
    """The score from which a series that is not reported yet is reported."""
    cooling = cool_windows(metric.a_day) * metric.grid.width
    lately = any(
        wrong.slice == where and metric.edge(metric.count - 1) - wrong.since <= cooling
        for wrong in state.excluded
    )
    rarer = 1 + log(among) / log(RETURN_DAYS * WAYS)
    return rarer * (AGAIN if lately else BEGINS)


def _matters(check: Check, score: AnomalyScore, now: float) -> bool:
    """Whether the change is of the declared size, and in the declared direction."""
    if score.way == "silence":
        return check.direction != "surge"
    off, against = float(score.distance[-1]), abs(float(score.expected[-1]))
    if score.way == "decay":
        off = abs(float(score.observed[-1] - score.expected[-1]))  # its distance leaves out what spikes add
    if score.way == "spread":
        against = max(float(score.size[-1]), abs(now))
    elif check.direction != "both":
        fell = float(score.observed[-1]) < float(score.expected[-1])
        if (check.direction == "drop") != fell:
            return False
    rows = check.least_rows if Aggregated.of(check).made(check.measure) == "count" else 0.0
    return off >= max(rows, check.least_change * against)


def _fits(declared: Mapping[str, Any], keys: Keys) -> None:
    measure = declared.get("measure")
    if keys.aggregate in {"sum", "mean", "quantile", "ratio"} and measure is None:
        raise ValueError(f'aggregate = "{keys.aggregate}" needs a column; add measure = "…"')
    if keys.aggregate == "count" and measure is not None:
        raise ValueError('aggregate = "count" counts rows; take out measure, or write "sum"')


SERIES_DAYS = timedelta(days=56)  # how far back a series learns from,
SERIES_WINDOWS = (182, 8_064)  # and how many windows that may be


def _history(window: timedelta) -> timedelta:
    least, most = SERIES_WINDOWS
    return min(max(SERIES_DAYS, least * window), most * window)


def _verdict(run: CheckRun, metric: Metric, memory: CheckState) -> Verdict:
    return judge_series(run.check, metric, memory)


def _measured(run: CheckRun, metric: Metric, again: Again[Metric]) -> Measurement:
    return measure_series(run.check, again.finding, metric, again.past, again.start)


KIND = Kind(
    name="series",
    purpose="a metric by the window: a count, sum, mean, quantile or ratio",
    example={"measure": "minutes", "aggregate": "mean"},
    options=Keys,
    fits=_fits,
    least_windows=8,
    needs=AggregateByWindow(),
    judging=Judging(_verdict, _measured, over="windows", narrowed=as_it_is),
    sliced="asked",
    shared=shared,
    history=_history,
    rows="depends",  # of any metric: only whoever declares it knows which, and says so with `evidences`
)
