"""
Items shown less, or more, than expected from their engagement.

Changes among the slices of what was shown are found as `slice_volume` finds them; only those that lead away
from merit are reported, worded accordingly (`domain.detection.exposure.against_engagement`).
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.detection.exposure.against_engagement import held_against
from domain.detection.judge.counts.by_slice import judge_slices
from domain.detection.judge.counts.measure_counts import measure_counts
from domain.detection.judge.judging import Judging, as_it_is, by_check
from domain.detection.kind import Kind, Then
from domain.detection.needs import EngagementBefore, RowCounts
from domain.detection.suited import Suited
from domain.recommender.options import Options
from domain.recommender.recommender import Recommender


def _suits(recommender: Recommender) -> Iterator[Suited]:
    if recommender.exposure is not None and recommender.items is not None:
        yield Suited(recommender.exposure.shown)


KIND = Kind(
    name="production_bias",
    purpose="items shown less or more than expected from their engagement",
    options=Options,
    least_windows=8,
    of_items=True,
    needs=RowCounts(),
    judging=Judging(by_check(judge_slices), measure_counts, over="apart", narrowed=as_it_is),
    sliced="always",
    then=Then(EngagementBefore(), held_against),
    evidences=("monitor-7",),
    suits=_suits,
)
