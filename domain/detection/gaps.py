"""Rows that name something which the table it should be in does not have."""

from __future__ import annotations

from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.wrong import Words, judge_rows
from domain.recommender.check import Check

WORDS = Words(
    says=lambda columns, share: f"{columns} unknown in {share} of the rows",
    unit=lambda column: f"rows with an unknown {column}",
    least_share=0.005,
)


def judge_references(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more rows than usual point to nothing. See `wrong.judge_rows`."""
    return judge_rows(check, tally, state, looks_per_week, WORDS)
