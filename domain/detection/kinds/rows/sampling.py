"""
The share of the served rows that another table keeps: a consumer's sampling rate.

A team that consumes the model learns from what it logs of it. A rate that halves unannounced
makes its numbers wrong, and one that differs between slices makes them biased, which no total shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from domain.detection.data.check_run import CheckRun
from domain.detection.data.tally import Tally
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.proportion import measure_proportion
from domain.detection.judge.judging import Again, Judging, by_check
from domain.detection.judge.proportion import Promise, Proportions, Words, judge_proportions
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import percent
from domain.detection.kind import Kind, shared
from domain.detection.needs import KeptRows
from domain.detection.suited import Suited, logged, shown
from domain.recommender.check import Check
from domain.recommender.options import Beside, needed
from domain.recommender.recommender import Recommender
from domain.values import Share


class Keys(Beside):
    """Where and how a row is looked up; the agreed share of rows to be kept there."""

    rate: Share | None = Field(default=None, gt=0.0)
    """The agreed share of rows to be kept in the other table; by default the usual one."""

    @model_validator(mode="after")
    def _said(self) -> Self:
        needed(self, "sampling", {"beside": 'beside = "table"', "on": 'on = {request_id = "request"}'})
        return self


def words_of(check: Check) -> Words:
    """How a rate is worded: against what was agreed, if that is declared."""
    known = "agreed" if Keys.of(check).rate is not None else "usually"
    return Words(
        says=lambda kept, observed, expected: f"{percent(observed)} {kept}, {known} {percent(expected)}",
        unit=lambda kept: f"rows {kept}",
    )


def promise_of(check: Check) -> Promise | None:
    """The declared rate; a slice may be off by the least change."""
    rate = Keys.of(check).rate
    if rate is None:
        return None
    return Promise(np.array([rate]), np.array([check.least_change * rate]))


def kept_of(tally: Tally) -> Proportions:
    """`tally`: of the served rows, those that the other table has."""
    return Proportions(tally.grid, tally.cells, tally.columns, tally.rows[:, :, None], tally.bad, tally.first)


def judge_sampling(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    Whether the share of served rows that is kept differs from the agreed, or the usual, share. See
    `judge_proportions`.
    """
    return judge_proportions(check, kept_of(tally), state, looks_per_week, words_of(check), promise_of(check))


def measure_sampling(run: CheckRun, tally: Tally, again: Again[Tally]) -> Measurement:
    """How many rows are kept now. See `measure_proportion`."""
    kept, promise = kept_of(tally), promise_of(run.check)
    return measure_proportion(run.check, again.finding, kept, promise, again.memory)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for model, candidates in logged(recommender):
        for table in shown(recommender):
            if model.request is not None:
                yield Suited.joined(table.name, candidates, {model.request: model.request})


KIND = Kind(
    name="sampling",
    purpose="the part of the served rows that another table keeps",
    example={"beside": "served", "on": {"request_id": "request_id"}, "rate": 0.1},
    options=Keys,
    needs=KeptRows(),
    judging=Judging(by_check(judge_sampling), measure_sampling),
    sliced="always",
    shared=shared,
    beside=lambda check: (str(Keys.of(check).beside),),
    lacking=True,
    evidences=("monitor-2",),
    suits=_suits,
)
