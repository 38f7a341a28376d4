"""
Candidates that are shown less often than their own scores rank them.

Between the ranking and the screen lie rules: a title whose licence ran out, a genre that children may not
see, at most so many of one shop. One that is wrong takes nothing from the log of candidates and moves no
score. So each slice's, and each item's, share of what is shown is held against what its ranks alone would
give it, and that against its own past: what serving always moved up or down is no fault.

A ranking may be left to chance in part: of each place by score, the part that is shown is learned. Rows of
places that are shown twice as often as others count twice, so that a slice whose scores fell is not told
here, where nothing was held back.

Source:
    Expected exposure by rank, against the exposure that was given: Diaz et al. (2020), "Evaluating Stochastic
    Rankings with Expected Exposure", CIKM.
"""

from __future__ import annotations

import numpy as np

from domain.detection.data.look import Look
from domain.detection.data.tally import Tally
from domain.detection.judge.judging import Again, Judging, by_check
from domain.detection.judge.measure import Measurement
from domain.detection.judge.measure_proportion import measure_proportion
from domain.detection.judge.proportion import Proportions, Words, judge_proportions
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import percent
from domain.detection.kind import Kind
from domain.detection.needs import ShownByRank
from domain.recommender.check import Check
from domain.recommender.options import Options


def _says(_column: str, observed: float, expected: float) -> str:
    if observed <= 0:
        return "never shown, whatever its scores"
    return f"shown {percent(1 - observed / expected)} less often than its scores rank it"


WORDS = Words(says=_says, unit=lambda _column: "times shown", way="drop", loss=True)


def shown_of(tally: Tally) -> Proportions:
    """`tally`: rows by what their ranks make them count, and those that were shown, never more."""
    rows = np.maximum(tally.rows[:, :, None], tally.bad)
    return Proportions(tally.grid, tally.cells, tally.columns, rows, tally.bad, tally.first)


def judge_rank_parity(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether less than usual of what is ranked is shown, in all or in a slice. See `judge_proportions`."""
    return judge_proportions(check, shown_of(tally), state, looks_per_week, WORDS)


def measure_rank_parity(look: Look, tally: Tally, again: Again[Tally]) -> Measurement:
    """How often the finding's slice is shown now. See `measure_proportion`."""
    return measure_proportion(look.check, again.finding, shown_of(tally), None, again.memory)


KIND = Kind(
    name="rank_parity",
    purpose="candidates shown less often than their own scores rank them",
    options=Options,
    needs=ShownByRank(),
    judging=Judging(by_check(judge_rank_parity), measure_rank_parity),
    sliced="always",
    items_apart=True,
    evidences=("monitor-3",),
)
