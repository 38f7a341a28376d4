"""Rows without a value: null, not a number, or an empty text."""

from __future__ import annotations

from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.wrong import Words, judge_rows
from domain.recommender.check import Check

WORDS = Words(
    says=lambda columns, share: f"{columns} missing in {share} of the rows",
    unit=lambda column: f"rows without {column}",
    least_share=0.01,
)


def judge_missing(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more rows than usual lack a value, in the table or in a slice of it. See `wrong.judge_rows`."""
    return judge_rows(check, tally, state, looks_per_week, WORDS)
