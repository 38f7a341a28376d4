"""
How a model's scores are distributed in the last window against earlier windows, and whether they collapsed.

To the arithmetic, a score is a column like any other (`drift`, `distribution`): what differs is what a person
has to be told. A distribution that moved is a model, or its input, that changed; one that collapsed is a
model that says the same of everything, for example because a feature store answers with defaults.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.histogram import Bins, Histograms
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.judging import Again, Judging, by_check
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import percent
from domain.detection.kind import Kind
from domain.detection.kinds.rows.drift import describe, judge_drift, measure_moved, only_its_column
from domain.detection.needs import ScoreHistograms
from domain.detection.suited import Suited, logged
from domain.recommender.check import Check
from domain.recommender.options import LeastShare, OfColumns
from domain.recommender.recommender import Recommender

FALLEN_IN = 0.9  # of the rows in one bin, above which scores say the same of everything,
SPREAD = 0.5  # unless this share usually lies there


class Keys(OfColumns, LeastShare):
    """The columns that are scores, else the model's; and the share of rows that must have moved."""


def judge_scores(
    check: Check, histograms: Histograms, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    Whether scores are distributed differently than usual, in all or in a slice. See `drift.judge_drift`.
    """
    return judge_drift(check, histograms, state, looks_per_week, describe_scores)


def describe_scores(bins: Bins, reference: Floats, current: Floats) -> str:
    """
    The change of a score in words, with its size.

    >>> bins = Bins("score", edges=(0.0, 0.1, 0.2, 1.0))
    >>> describe_scores(bins, np.array([50.0, 30.0, 20.0]), np.array([0.0, 99.0, 1.0]))
    'score says nearly the same of everything: 99 % lie from 0.1 to 0.2, usually 30 %'
    """
    p, q = (one / max(float(one.sum()), 1.0) for one in (reference, current))
    most = int(np.argmax(q))
    if not bins.edges or q[most] < FALLEN_IN or p[most] > SPREAD:
        return describe(bins, reference, current)
    low, high = (f"{bins.edges[min(place, len(bins.edges) - 1)]:,.3g}" for place in (most, most + 1))
    where = f"lie from {low} to {high}" if low != high else f"are about {low}"
    now, usually = percent(float(q[most])), percent(float(p[most]))
    return f"{bins.column} says nearly the same of everything: {now} {where}, usually {usually}"


def _measured(run: CheckRun, histograms: Histograms, again: Again[Histograms]) -> Measurement:
    return measure_moved(run.check, again.finding, histograms, again.memory)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for model, table in logged(recommender):
        if model.score is not None:
            yield Suited(table, {"columns": (model.score,)})


KIND = Kind(
    name="scores",
    purpose="the distribution of a model's scores, moved or fallen in",
    example={"columns": ["score"]},
    options=Keys,
    needs=ScoreHistograms(),
    judging=Judging(by_check(judge_scores), _measured, narrowed=only_its_column),
    sliced="always",
    suits=_suits,
)
