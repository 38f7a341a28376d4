"""
Numbers that are none any more: NaN, infinities, values that exploded, and one value in the place of many.

All are rows with a flag (`wrong` counts and judges them by slice): a value that is not a number or not
finite; one `EXPLODED` times further from 0 than the values of a usual window reach; and one that equals the
most frequent value of the judged window. The last is no fault by itself. It is one where half of a slice's
rows more than usual hold that value: a default in the place of a score, a feature that stands still.
"""

from __future__ import annotations

import numpy as np

from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.wrong import Words, judge_rows
from domain.recommender.check import Check

EXPLODED = 10.0  # times the reach of a usual window
ONE_VALUE = " all alike"
ONE_VALUE_SHARE = 0.5  # of a slice's rows beyond the usual, from where on one value is in the place of many

WORDS = Words(
    says=lambda columns, share: f"{columns} in {share} of the rows",
    unit=lambda column: f"rows with {column}",
    least_share=0.001,
    floor=lambda column: ONE_VALUE_SHARE if column.endswith(ONE_VALUE) else 0.0,
)


def judge_numeric(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more numbers than usual are none, exploded, or all the same. See `wrong.judge_rows`."""
    return judge_rows(check, tally, state, looks_per_week, WORDS)


def exploded_from(reaches: list[float]) -> float | None:
    """
    The distance from 0 from which on a value exploded; None where nothing is known of usual values, or all
    of them were 0.

    Args:
        reaches: the largest distance from 0 of each window of the past; NaN where it had no value.

    >>> exploded_from([0.9, 1.0, 4_000.0]), exploded_from([0.0, 0.0]), exploded_from([])
    (10.0, None, None)
    """
    known = [one for one in reaches if np.isfinite(one)]
    usual = float(np.median(known)) if known else 0.0
    return EXPLODED * usual if usual > 0 else None
