"""
A metric of a model's ranking by the window, from logged scores and what was chosen, as a time series.

How good a window's AUC or NDCG is depends on who came and what there was, so none of them has a threshold:
each is held against its own past as `series` holds any metric, whole and by slice. A ranking is worse where
these fall, and where the log loss rises; a smaller change than that of other metrics matters.

A choice can only be made of what was shown, so all of them flatter what the model itself put forward: they
say that it became worse, not how good it is.

Source:
    AUC as the chance that what was chosen is scored above what was not: Hanley & McNeil (1982), Radiology
    143; NDCG: Järvelin & Kekäläinen (2002), ACM TOIS 20(4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from domain.detection.series import Metric, judge_series
from domain.detection.state import CheckState, Verdict
from domain.detection.strain import Way
from domain.recommender.check import Check

NO_DIRECTION: tuple[Way, ...] = ("spread",)
LEAST_CHANGE = 0.05  # of a metric of a model, where nothing is declared
WORSE: Mapping[str, Literal["drop", "surge"]] = {
    "auc": "drop",
    "log_loss": "surge",
    "ndcg": "drop",
    "hit_rate": "drop",
    "mrr": "drop",
}


def as_series(check: Check) -> Check:
    """The check as one of a mean by the window: the way that is worse, and how much of it matters."""
    own: dict[str, object] = {"aggregate": "mean"}
    if "direction" not in check.model_fields_set:
        own["direction"] = WORSE[str(check.metric)]
    if "least_change" not in check.model_fields_set:
        own["least_change"] = LEAST_CHANGE
    return check.model_copy(update=own)


def judge_metric(check: Check, metric: Metric, state: CheckState) -> Verdict:
    """
    Whether the last window's metric is worse than its own past ever was, whole or in a slice. See
    `series.judge_series`; how far it swings has no direction, and is left out.
    """
    return judge_series(as_series(check), metric, state, without=NO_DIRECTION)
