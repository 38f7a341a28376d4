"""Rows with the same key as another row of the same window."""

from __future__ import annotations

from domain.detection.judge.wrong_rows import Words, judging
from domain.detection.kind import Kind
from domain.detection.needs import RepeatedKeys
from domain.recommender.options import Keyed, LeastShare


class Keys(Keyed, LeastShare):
    """The key, else the table's own; and the share of rows that matters."""


WORDS = Words(
    says=lambda key, share: f"{share} of the rows repeat the {key} of another",
    unit=lambda key: f"rows that repeat {key}",
    least_share=0.001,
)


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
