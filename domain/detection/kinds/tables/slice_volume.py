"""Every slice of a table: its share of the total, against its own past; or its ratio."""

from __future__ import annotations

from collections.abc import Iterator

from domain.detection.judge.counts.by_slice import judge_slices
from domain.detection.judge.counts.measure_counts import measure_counts
from domain.detection.judge.judging import Judging, as_it_is, by_check
from domain.detection.kind import Kind, shared
from domain.detection.needs import CountsOrRatio
from domain.detection.suited import Suited, by_time
from domain.recommender.options import Divided, fits_divided
from domain.recommender.recommender import Recommender


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for table in by_time(recommender):
        if table.dimensions:
            yield Suited(table.name)


KIND = Kind(
    name="slice_volume",
    purpose="the fewest slices that explain a change within the total",
    options=Divided,
    fits=fits_divided,
    needs=CountsOrRatio(),
    judging=Judging(by_check(judge_slices), measure_counts, over="apart", narrowed=as_it_is),
    sliced="always",
    shared=shared,
    evidences=("monitor-1",),
    rows="reports",
    least_windows=8,
    only_slices=True,
    suits=_suits,
)
