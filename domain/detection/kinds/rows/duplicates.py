"""Rows with the same key as another row of the same window."""

from __future__ import annotations

from domain.detection.data.tally import Tally
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.wrong_rows import Words, judge_rows, judging
from domain.detection.kind import Kind
from domain.detection.needs import RepeatedKeys
from domain.recommender.check import Check
from domain.recommender.options import Keyed, LeastShare


class Keys(Keyed, LeastShare):
    """The key, else the table's own; and the share of rows that matters."""


WORDS = Words(
    says=lambda key, share: f"{share} of the rows repeat the {key} of another",
    unit=lambda key: f"rows that repeat {key}",
    least_share=0.001,
)


def judge_duplicates(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more rows than usual occur twice. See `judge_rows`."""
    return judge_rows(check, tally, state, looks_per_week, WORDS)


KIND = Kind(
    name="duplicates",
    purpose="rows whose key another row has",
    example={"key": ["id"]},
    options=Keys,
    needs=RepeatedKeys(),
    judging=judging(WORDS),
    sliced="always",
    evidences=("monitor-2",),
    fault="duplicate",
)
