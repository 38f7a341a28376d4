"""
The same key, another value: a consumer's log against what we served, or a feature as the model was fed it
against the item's value in the feature store. A table with a key and no time is the current state.

Only rows with a counterpart are compared; those without are for `joins`. Numbers are equal within a
fraction of the larger one, since a log may round or store half as many digits.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from domain.detection.judge.wrong_rows import Words, judging_in
from domain.detection.kind import Kind, shared
from domain.detection.needs import DifferingRows
from domain.recommender.check import Check
from domain.recommender.options import Compared, LeastShare, needed


class Keys(Compared, LeastShare):
    """Where and how a row is looked up, what is compared, and the share of rows that matters."""

    @model_validator(mode="after")
    def _said(self) -> Self:
        examples = {
            "beside": 'beside = "table"',
            "on": 'on = {request = "request_id"}',
            "compare": 'compare = {score = "score"}',
        }
        needed(self, "disagreements", examples)
        return self


def words_of(check: Check) -> Words:
    """How rows that differ from the other table are described."""
    other = Keys.of(check).beside
    return Words(
        says=lambda columns, share: f"another {columns} than in {other} in {share} of the rows",
        unit=lambda column: f"rows with another {column} than {other} has",
        least_share=0.01,
    )


KIND = Kind(
    name="disagreements",
    purpose="the same key with another value in another team's log",
    example={"beside": "served", "on": {"request_id": "request_id"}, "compare": {"score": "score"}},
    options=Keys,
    needs=DifferingRows(),
    judging=judging_in(words_of),
    sliced="always",
    shared=shared,
    beside=lambda check: (str(Keys.of(check).beside),),
    evidences=("monitor-2",),  # for any two tables; for served and learned features, `evidences` says so
    fault="feature",
)
