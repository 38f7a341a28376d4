"""
Rows whose key matches no row in the table they should be joined with.

Predictions that a consumer logged and we never served, or served rows that it ought to have and does not: a
key that was cut, cast or filled in wrongly on one side, or rows that never arrived. Declared in both
directions, the check says on which side the rows are lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import model_validator

from domain.detection.judge.wrong_rows import Words, judging
from domain.detection.kind import Kind, shared
from domain.detection.needs import UnmatchedRows
from domain.detection.suited import Suited
from domain.recommender.options import Beside, LeastShare, needed
from domain.recommender.recommender import Recommender


class Keys(Beside, LeastShare):
    """Where and how a row is looked up, and the share of rows that matters."""

    @model_validator(mode="after")
    def _said(self) -> Self:
        needed(self, "joins", {"beside": 'beside = "table"', "on": 'on = {request = "request_id"}'})
        return self


WORDS = Words(
    says=lambda where, share: f"{share} of the rows find none {where}",
    unit=lambda where: f"rows that find none {where}",
    least_share=0.01,
)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    exposure = recommender.exposure
    if exposure is not None and exposure.shown != exposure.chosen:
        yield Suited.joined(exposure.chosen, exposure.shown, {exposure.request: exposure.request})


KIND = Kind(
    name="joins",
    purpose="rows that find none in the table they are joined with",
    example={"beside": "served", "on": {"request_id": "request_id"}},
    options=Keys,
    needs=UnmatchedRows(),
    judging=judging(WORDS),
    sliced="always",
    shared=shared,
    beside=lambda check: (str(Keys.of(check).beside),),
    lacking=True,
    evidences=("monitor-2",),
    suits=_suits,
)
