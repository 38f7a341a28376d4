"""
Exposure below what the scores call for: candidates that are ranked, and then not shown.

Business rules stand between ranking and screen: a licence that ran out, an age rating, a cap for each seller.
A wrong rule removes no candidate from the log and changes no score. So the exposure of each slice,
and of each item, is compared with what its ranks alone would give it, and this ratio with its own past: what
serving always boosts or demotes is no fault.

Rankings may explore, so how often each rank is shown is learned from the log. Candidates are weighted by it:
a slice whose scores fell is due less exposure, and is not reported.

Source:
    Expected exposure by rank, against the exposure actually given: Diaz et al. (2020), "Evaluating Stochastic
    Rankings with Expected Exposure", CIKM.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from domain.detection.data.check_run import CheckRun
from domain.detection.data.tally import Tally
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.proportion import measure_proportion
from domain.detection.judge.judging import Again, Judging, by_check
from domain.detection.judge.proportion import Proportions, Words, judge_proportions
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import percent
from domain.detection.kind import Kind
from domain.detection.needs import ExposureByRank
from domain.detection.suited import Suited, logged
from domain.recommender.check import Check
from domain.recommender.options import Options
from domain.recommender.recommender import Recommender


def _says(_column: str, observed: float, expected: float) -> str:
    if observed <= 0:
        return "never shown, whatever its scores"
    return f"shown {percent(1 - observed / expected)} less often than its scores rank it"


WORDS = Words(says=_says, unit=lambda _column: "times shown", way="drop", loss=True)


def shown_of(tally: Tally) -> Proportions:
    """`tally`: candidates weighted by the exposure of their ranks, and those that were shown, never more."""
    rows = np.maximum(tally.rows[:, :, None], tally.bad)
    return Proportions(tally.grid, tally.cells, tally.columns, rows, tally.bad, tally.first)


def judge_rank_parity(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether the table or a slice gets less exposure than its ranks call for. See `judge_proportions`."""
    return judge_proportions(check, shown_of(tally), state, looks_per_week, WORDS)


def measure_rank_parity(run: CheckRun, tally: Tally, again: Again[Tally]) -> Measurement:
    """How often the finding's slice is shown now. See `measure_proportion`."""
    return measure_proportion(run.check, again.finding, shown_of(tally), None, again.memory)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for model, table in logged(recommender):
        if model.score is not None and model.shown is not None:
            yield Suited(table)


KIND = Kind(
    name="rank_parity",
    purpose="candidates shown less often than their own scores rank them",
    options=Options,
    needs=ExposureByRank(),
    judging=Judging(by_check(judge_rank_parity), measure_rank_parity),
    sliced="always",
    by_item=True,
    evidences=("monitor-3",),
    fault="filter",
    suits=_suits,
)
