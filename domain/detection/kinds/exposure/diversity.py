"""
Intra-list diversity: how much of a list repeats what it already shows.

If a re-ranking step fails, one candidate source answers for all, or a feature weighs too much, each member is
shown ten items of one genre, while over all members as many items are shown as ever. So the redundant rows of
each list are counted, those whose genre (or seller, or any column) an earlier row has: nine in a list of ten
alike. Their share of a slice's rows is compared with the slice's own past.

Diversity over all members, whether everybody is shown the same items, is `concentration`.

Source:
    Diversity of one list, as apart from that over all of them: Ziegler et al. (2005), "Improving
    Recommendation Lists Through Topic Diversification", WWW. Distinct values among the first k are subtopic
    recall: Zhai, Cohen & Lafferty (2003), "Beyond Independent Relevance", SIGIR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.detection.data.window import WINDOW
from domain.detection.judge.wrong_rows import Words, judging
from domain.detection.kind import Kind, shared
from domain.detection.needs import WrongRows
from domain.recommender.options import LeastShare


class Keys(LeastShare):
    """`request`: the column that says which rows are one list; `by`: the column whose values should vary."""

    request: str
    """Column that says which rows are one list."""
    by: str
    """Column whose values should vary within a list."""


WORDS = Words(
    says=lambda what, share: f"{share} of what is shown is {what}",
    unit=lambda what: f"rows that are {what}",
    least_share=0.05,
)


def repeated(rows: Any, keys: Keys) -> Mapping[str, Any]:
    """All rows but one for each value in a request; none of those without a value."""
    value = rows[keys.by]
    same = [rows[WINDOW], rows[keys.request], value]
    so_far = value.count().over(rows=(None, 0), group_by=same, order_by=value)  # 0 if there is no value
    return {f"more of the same {keys.by}": so_far > 1}


KIND = Kind(
    name="diversity",
    purpose="lists that show more of the same than usual",
    example={"request": "request_id", "by": "genre"},
    options=Keys,
    columns=lambda keys: (keys.request, keys.by),
    needs=WrongRows(repeated),
    judging=judging(WORDS),
    sliced="always",
    shared=shared,
)
