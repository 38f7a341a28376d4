"""
Choices of items that the model had ranked low: what members wanted and had to search for.

A choice that the model did not foresee is no error in itself; more of them than usual, in all or in a slice,
means that something the model is fed, or the model, is wrong there. The single worst ones are worth a
person's look.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.detection.judge.wrong_rows import Words, judging
from domain.detection.kind import Kind, shared
from domain.detection.needs import LowRankedChoices
from domain.detection.suited import Suited, logged
from domain.recommender.options import LeastShare, LowRank
from domain.recommender.recommender import Recommender


class Keys(LowRank, LeastShare):
    """The rank from which a choice counts as ranked low, and the share of choices that matters."""


WORDS = Words(
    says=lambda where, share: f"{share} of the choices {where}",
    unit=lambda _where: "low-ranked choices",
    least_share=0.05,
)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    if recommender.exposure is not None:
        for model, table in logged(recommender):
            if model.score is not None:
                yield Suited(table)


KIND = Kind(
    name="misses",
    purpose="choices of items that the model had ranked low",
    options=Keys,
    needs=LowRankedChoices(),
    judging=judging(WORDS),
    sliced="always",
    shared=shared,
    evidences=("monitor-7",),
    by_slice=("model-6",),
    suits=_suits,
)
