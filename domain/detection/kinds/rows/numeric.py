"""
Numbers gone wrong: NaN, infinities, values that exploded, and one value in place of many.

All are flagged rows (`wrong_rows` judges them by slice): a value that is not a number or not
finite; one `EXPLODED` times further from 0 than the values of a usual window reach; and one that equals the
most frequent value of the judged window. The last is no fault in itself. It becomes one if half of a slice's
rows more than usual hold that value: a default in place of a score, a feature that stands still.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.detection.expect.reach import ONE_VALUE
from domain.detection.judge.wrong_rows import Words, judging
from domain.detection.kind import Kind, shared
from domain.detection.needs import UnusualNumbers
from domain.detection.suited import Suited, logged
from domain.recommender.options import LeastShare, OfColumns
from domain.recommender.recommender import Recommender

ONE_VALUE_SHARE = 0.5  # of a slice's rows beyond the usual, above which one value is in place of many


class Keys(OfColumns, LeastShare):
    """The columns looked at, and the share of rows that matters."""


WORDS = Words(
    says=lambda columns, share: f"{columns} in {share} of the rows",
    unit=lambda column: f"rows with {column}",
    least_share=0.001,
    floor=lambda column: ONE_VALUE_SHARE if column.endswith(ONE_VALUE) else 0.0,
)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for _model, table in logged(recommender):
        yield Suited(table)


KIND = Kind(
    name="numeric",
    purpose="numbers that are NaN, infinite, exploded, or all the same",
    options=Keys,
    needs=UnusualNumbers(),
    judging=judging(WORDS),
    sliced="always",
    shared=shared,
    evidences=("monitor-5",),
    suits=_suits,
)
