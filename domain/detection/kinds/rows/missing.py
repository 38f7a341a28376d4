"""Rows without a value: null, not a number, or an empty text."""

from __future__ import annotations

from collections.abc import Iterator

from domain.detection.judge.wrong_rows import Words, judging
from domain.detection.kind import Kind, shared
from domain.detection.needs import MissingValues
from domain.detection.suited import Suited, logged
from domain.recommender.options import LeastShare, OfColumns
from domain.recommender.recommender import Recommender


class Keys(OfColumns, LeastShare):
    """The columns looked at, and the share of rows that matters."""


WORDS = Words(
    says=lambda columns, share: f"{columns} missing in {share} of the rows",
    unit=lambda column: f"rows without {column}",
    least_share=0.01,
)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for model, table in logged(recommender):
        yield Suited(table, {"columns": model.features})


KIND = Kind(
    name="missing",
    purpose="rows without a value: null, NaN or an empty text",
    options=Keys,
    needs=MissingValues(),
    judging=judging(WORDS),
    sliced="always",
    shared=shared,
    evidences=("monitor-2",),
    fault="feature",
    suits=_suits,
)
