"""
Rows whose key finds no row in the table they should be joined with.

Predictions that a consumer logged and we never served, or served rows that it ought to have and has not: a
key that was cut, cast or filled in wrongly on one side, or rows that never arrived. Declared in both
directions it says on which side the rows are lost.
"""

from __future__ import annotations

from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.wrong import Words, judge_rows
from domain.recommender.check import Check

WORDS = Words(
    says=lambda where, share: f"{share} of the rows find none {where}",
    unit=lambda where: f"rows that find none {where}",
    least_share=0.01,
)


def judge_joins(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more rows than usual stay alone, in all or in a slice. See `wrong.judge_rows`."""
    return judge_rows(check, tally, state, looks_per_week, WORDS)
