"""
Candidates lost between stages: the share of them that gets from each stage to the next.

A recommender is a funnel: retrieved, ranked, shown. Losses are compared with what is usually lost *at that
stage*, among the rows that reached it, so that a slice lost at one stage is found at that stage and at
none of those after it.

    rows of stage k   that got through stages 1 … k − 1
    held of stage k   those of them that got through k as well

Source:
    Conditional (continuation-ratio) shares of an ordered outcome: Fienberg (1980), "The Analysis of Cross-
    Classified Categorical Data", 2nd ed., ch. 6: given who reached a stage, the shares of different stages
    are independent, and each may be tested by itself.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import model_validator

from domain.detection.data.check_run import CheckRun
from domain.detection.data.tally import Tally
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.proportion import measure_proportion
from domain.detection.judge.judging import Again, Judging, by_check
from domain.detection.judge.proportion import Proportions, Words, judge_proportions
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import percent
from domain.detection.kind import Kind
from domain.detection.needs import StageFlow
from domain.recommender.check import Check
from domain.recommender.options import Staged, needed


class Keys(Staged):
    """The stages, and how a row is found again in those that are tables."""

    @model_validator(mode="after")
    def _said(self) -> Self:
        needed(self, "stages", {"stages": 'stages = ["ranked", "shown"]'})
        return self


def _says(way: str, observed: float, expected: float) -> str:
    return f"{percent(observed)} get {way}, usually {percent(expected)}"


WORDS = Words(says=_says, unit=lambda stage: f"rows that reach {stage}", way="drop", loss=True)


def flow_of(check: Check, tally: Tally) -> Proportions:
    """
    Args:
        tally: for each declared stage, in order, the rows that got through it and all stages before.
    """
    before = (str(check.table), *tally.columns[:-1])
    labels = tuple(f"from {one} to {stage}" for one, stage in zip(before, tally.columns, strict=True))
    rows = np.concatenate([tally.rows[:, :, None], tally.bad[:, :, :-1]], axis=2)
    return Proportions(tally.grid, tally.cells, tally.columns, rows, tally.bad, tally.first, labels)


def judge_stages(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether fewer than usual get through a stage, in all or in a slice. See `judge_proportions`."""
    return judge_proportions(check, flow_of(check, tally), state, looks_per_week, WORDS)


def measure_stages(run: CheckRun, tally: Tally, again: Again[Tally]) -> Measurement:
    """How many get through the finding's stage now. See `measure_proportion`."""
    return measure_proportion(run.check, again.finding, flow_of(run.check, tally), None, again.memory)


def _apart(run: CheckRun) -> bool:
    """Single items that are told apart are those of the judged window: each look has its own."""
    return run.table.item not in run.dimensions


KIND = Kind(
    name="stages",
    purpose="candidates lost between the stages of the funnel",
    example={"stages": ["ranked", "shown"]},
    options=Keys,
    needs=StageFlow(),
    judging=Judging(by_check(judge_stages), measure_stages),
    sliced="always",
    shared=_apart,
    beside=lambda check: Keys.of(check).stages,
)
