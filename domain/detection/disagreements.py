"""
The same key, another value: what a consumer logged of a row that we served, and what we served.

Only rows that find each other are compared; those that do not are for `joins`. Numbers are alike within a
part of the larger one, since a log may round or store half as many digits.
"""

from __future__ import annotations

from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.wrong import Words, judge_rows
from domain.recommender.check import Check

TOLERANCE = 0.001  # of the larger number, where nothing is declared

WORDS = Words(
    says=lambda columns, share: f"{columns} not as served in {share} of the rows",
    unit=lambda column: f"rows with another {column} than served",
    least_share=0.01,
)


def judge_disagreements(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more rows than usual hold something else than was served. See `wrong.judge_rows`."""
    return judge_rows(check, tally, state, looks_per_week, WORDS)
