"""Rows that refer to something missing from the table it should be in."""

from __future__ import annotations

from collections.abc import Iterator

from domain.detection.judge.wrong_rows import Words, judging
from domain.detection.kind import Kind, shared
from domain.detection.needs import DanglingReferences
from domain.detection.suited import Suited, by_time
from domain.recommender.options import LeastShare, Referring
from domain.recommender.recommender import Recommender


class Keys(Referring, LeastShare):
    """What refers to what, else to the items; and the share of rows that matters."""


WORDS = Words(
    says=lambda columns, share: f"{columns} unknown in {share} of the rows",
    unit=lambda column: f"rows with an unknown {column}",
    least_share=0.005,
)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    items = recommender.items
    for table in by_time(recommender):
        if items is not None and table.item is not None and table.name != items.table:
            yield Suited(table.name, {"references": {table.item: f"{items.table}.{items.key}"}})


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
    suits=_suits,
)
