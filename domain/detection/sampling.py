"""
The part of the served rows that another table keeps: a consumer's sampling rate.

What a team that consumes the model logs of it, it learns from. A rate that halves where nobody said so
makes its numbers wrong, and one that differs between slices makes them biased, which no total shows.
"""

from __future__ import annotations

import numpy as np

from domain.detection.portion import Portions, Promise, Words, judge_portions
from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.title import percent
from domain.recommender.check import Check


def words_of(check: Check) -> Words:
    """How a rate is told: against what was agreed, where that is declared."""
    known = "agreed" if check.rate is not None else "usually"
    return Words(
        says=lambda kept, observed, expected: f"{percent(observed)} {kept}, {known} {percent(expected)}",
        unit=lambda kept: f"rows {kept}",
    )


def promise_of(check: Check) -> Promise | None:
    """The declared rate; a slice may be off by the least change."""
    if check.rate is None:
        return None
    return Promise(np.array([check.rate]), np.array([check.least_change * check.rate]))


def kept_of(tally: Tally) -> Portions:
    """`tally`: of the served rows, those that the other table has."""
    return Portions(tally.grid, tally.cells, tally.columns, tally.rows[:, :, None], tally.bad, tally.first)


def judge_sampling(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    Whether another part of the served rows is kept than was agreed, or than is usual. See
    `portion.judge_portions`.
    """
    return judge_portions(check, kept_of(tally), state, looks_per_week, words_of(check), promise_of(check))
