"""
Candidates lost between stages: the part of them that gets from each stage to the next.

A recommender is a funnel: retrieved, ranked, shown. What is lost is held against what is usually lost
*there*, among the rows that reached the stage before, so that a slice that one stage loses is told by that
stage and by none of those after it.

    rows of stage k   that got through stages 1 … k − 1
    held of stage k   those of them that got through k as well

Source:
    Conditional (continuation-ratio) shares of an ordered outcome: Fienberg (1980), "The Analysis of Cross-
    Classified Categorical Data", 2nd ed., ch. 6: given who reached a stage, the shares of different stages
    are independent, and each may be tested by itself.
"""

from __future__ import annotations

import numpy as np

from domain.detection.portion import Portions, Words, judge_portions
from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.title import percent
from domain.recommender.check import Check


def _says(way: str, observed: float, expected: float) -> str:
    return f"{percent(observed)} get {way}, usually {percent(expected)}"


WORDS = Words(says=_says, unit=lambda stage: f"rows that reach {stage}", way="drop", loss=True)


def flow_of(check: Check, tally: Tally) -> Portions:
    """
    Args:
        tally: of each declared stage, in its order, the rows that got through it and all stages before.
    """
    before = (str(check.table), *tally.columns[:-1])
    told = tuple(f"from {one} to {stage}" for one, stage in zip(before, tally.columns, strict=True))
    rows = np.concatenate([tally.rows[:, :, None], tally.bad[:, :, :-1]], axis=2)
    return Portions(tally.grid, tally.cells, tally.columns, rows, tally.bad, tally.first, told)


def judge_stages(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether fewer than usual get through a stage, in all or in a slice. See `portion.judge_portions`."""
    return judge_portions(check, flow_of(check, tally), state, looks_per_week, WORDS)
