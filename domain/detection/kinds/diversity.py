"""
Lists that repeat themselves: of what one request was shown, what is more of the same.

A re-ranking step that fails, a candidate source that answers for all, a feature that weighs too much: each
member is shown ten of one kind, while items, taken over all members, are as many as ever. So of each request
the rows are counted whose value of a column (the genre, the seller) another row of it has already. How many
that are of a slice's rows is held against the slice's own past; a list of one kind in ten rows has nine of
them.

Beside it `concentration` says whether everybody is shown the same items.

Source:
    Diversity of one list, as apart from that over all of them: Ziegler et al. (2005), "Improving
    Recommendation Lists Through Topic Diversification", WWW. Distinct values among the first k are subtopic
    recall: Zhai, Cohen & Lafferty (2003), "Beyond Independent Relevance", SIGIR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from domain.detection.data.window import WINDOW
from domain.detection.judge.wrong_rows import Words, judging
from domain.detection.kind import Kind, shared
from domain.detection.needs import WrongRows
from domain.recommender.options import LeastShare


class Keys(LeastShare):
    """`request`: the column that says which rows are one list; `by`: the one that should differ in it."""

    request: str
    by: str


WORDS = Words(
    says=lambda what, share: f"{share} of what is shown is {what}",
    unit=lambda what: f"rows that are {what}",
    least_share=0.05,
)


def repeated(rows: Any, keys: Keys) -> Mapping[str, Any]:
    """All rows of a value in a request but one; none of those without a value."""
    same = ibis.window(group_by=[rows[WINDOW], rows[keys.request], rows[keys.by]])
    place = ibis.row_number().over(same)
    return {f"more of the same {keys.by}": (place > 0) & rows[keys.by].notnull()}


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
