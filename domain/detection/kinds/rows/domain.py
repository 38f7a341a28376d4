"""Values that a column never held: outside its range, in no known category, not finite."""

from __future__ import annotations

from domain.detection.judge.wrong_rows import Words, judging
from domain.detection.kind import Kind
from domain.detection.needs import OutsideDomain
from domain.recommender.options import Domains, LeastShare, OfColumns


class Keys(Domains, OfColumns, LeastShare):
    """What columns may hold, else what they held; and the share of rows that matters."""


WORDS = Words(
    says=lambda columns, share: f"{columns} in {share} of the rows",
    unit=lambda column: f"rows with {column}",
    least_share=0.001,
)


KIND = Kind(
    name="domain",
    purpose="values outside their range, or of no known category",
    example={"ranges": {"rating": [0.0, 1.0]}},
    options=Keys,
    needs=OutsideDomain(),
    judging=judging(WORDS),
    sliced="always",
    evidences=("data-1", "monitor-2"),
    fault="feature",
)
