"""
A metric of a model's ranking by window, from logged scores and what was chosen, as a time series.

How good a window's AUC or NDCG is depends on who came and what was on offer, so none of them has a threshold:
each is compared with its own past as `series` does with any metric, whole and by slice. A ranking is worse if
these fall, or if the log loss rises; smaller changes matter than for other metrics.

Only what was shown can be chosen, so all of them flatter what the model itself put forward: they
say that it became worse, not how good it is.

Source:
    AUC as the chance that what was chosen is scored above what was not: Hanley & McNeil (1982), Radiology
    143; NDCG: Järvelin & Kekäläinen (2002), ACM TOIS 20(4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import model_validator

from domain.detection.data.check_run import CheckRun
from domain.detection.data.metric import Metric
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.judging import Again, Judging, as_it_is
from domain.detection.judge.series.anomaly_score import Way
from domain.detection.judge.series.measure_series import measure_series
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.kind import Kind, shared
from domain.detection.kinds.tables.series import judge_series
from domain.detection.needs import RankingQuality
from domain.recommender.check import Check
from domain.recommender.options import Ranking
from domain.recommender.recommender import Recommender

NO_DIRECTION: tuple[Way, ...] = ("spread",)
WITHOUT_PLACES = ("auc", "log_loss")
LEAST_CHANGE = 0.05  # of a model's metric, if nothing is declared
WORSE: Mapping[str, Literal["drop", "surge"]] = {
    "auc": "drop",
    "log_loss": "surge",
    "ndcg": "drop",
    "hit_rate": "drop",
    "mrr": "drop",
}


class Keys(Ranking):
    """Which metric, and over how many places."""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.metric is None:
            raise ValueError(
                'does not say which metric; add metric = "auc", "log_loss", "ndcg", "hit_rate" or "mrr"'
            )
        if self.top is not None and self.metric in WITHOUT_PLACES:
            raise ValueError(f"top is for metrics with places, not for {self.metric}; remove it")
        return self


def as_series(check: Check) -> Check:
    """The check as one of a mean by window: the direction that is worse, and how large a change matters."""
    own: dict[str, object] = {}
    if "direction" not in check.model_fields_set:
        own["direction"] = WORSE[str(Keys.of(check).metric)]
    if "least_change" not in check.model_fields_set:
        own["least_change"] = LEAST_CHANGE
    return check.model_copy(update=own).with_options(aggregate="mean")


def with_places(recommender: Recommender, check: Check) -> Check:
    """
    The check with its number of places settled, if its metric has one: its own, or what a request fills.
    """
    model = recommender.model_of(str(check.table))
    keys = Ranking.of(check)
    if keys.metric in (None, *WITHOUT_PLACES) or keys.top is not None or model is None:
        return check
    return check.with_options(top=model.top)


def judge_metric(check: Check, metric: Metric, state: CheckState) -> Verdict:
    """
    Whether the last window's metric is worse than its own past ever was, whole or in a slice. See
    `series.judge_series`; how far it swings has no direction, and is left out.
    """
    return judge_series(as_series(check), metric, state, without=NO_DIRECTION)


def _verdict(run: CheckRun, metric: Metric, memory: CheckState) -> Verdict:
    return judge_metric(run.check, metric, memory)


def _measured(run: CheckRun, metric: Metric, again: Again[Metric]) -> Measurement:
    return measure_series(as_series(run.check), again.finding, metric, again.past, again.start)


KIND = Kind(
    name="metric",
    purpose="AUC, log loss, NDCG, hit rate or MRR of logged rankings, worse than ever",
    example={"metric": "ndcg", "top": 10},
    options=Keys,
    least_windows=8,
    needs=RankingQuality(),
    judging=Judging(_verdict, _measured, over="windows", narrowed=as_it_is),
    sliced="asked",
    shared=shared,
    settled=with_places,
    evidences=("monitor-7",),
    by_slice=("model-6",),
)
