"""Rows whose key another row of the same window has already."""

from __future__ import annotations

from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.wrong import Words, judge_rows
from domain.recommender.check import Check

WORDS = Words(
    says=lambda key, share: f"{share} of the rows repeat the {key} of another",
    unit=lambda key: f"rows that repeat {key}",
    least_share=0.001,
)


def judge_duplicates(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more rows than usual are there twice. See `wrong.judge_rows`."""
    return judge_rows(check, tally, state, looks_per_week, WORDS)
