"""Rows that name something which the table it should be in does not have."""

from __future__ import annotations

from domain.detection.data.tally import Tally
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.wrong_rows import Words, judge_rows, judging
from domain.detection.kind import Kind, shared
from domain.detection.needs import DanglingReferences
from domain.recommender.check import Check
from domain.recommender.options import LeastShare, Referring


class Keys(Referring, LeastShare):
    """What refers to what, else to the items; and the share of rows that matters."""


WORDS = Words(
    says=lambda columns, share: f"{columns} unknown in {share} of the rows",
    unit=lambda column: f"rows with an unknown {column}",
    least_share=0.005,
)


def judge_references(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more rows than usual point to nothing. See `judge_rows`."""
    return judge_rows(check, tally, state, looks_per_week, WORDS)


KIND = Kind(
    name="references",
    purpose="rows that name what another table does not have",
    example={"references": {"member_id": "members.member_id"}},
    options=Keys,
    needs=DanglingReferences(),
    judging=judging(WORDS),
    sliced="always",
    shared=shared,
    evidences=("monitor-2",),
)
