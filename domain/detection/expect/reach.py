"""How far from 0 values usually reach, and beyond which distance a value exploded."""

from __future__ import annotations

import numpy as np

EXPLODED = 10.0  # multiple of the reach of a usual window
ONE_VALUE = " all alike"


def exploded_from(reaches: list[float]) -> float | None:
    """
    The distance from 0 beyond which a value exploded; None if nothing is known of usual values, or all of
    them were 0.

    Args:
        reaches: the largest distance from 0 of each window of the past; NaN where it had no value.

    >>> exploded_from([0.9, 1.0, 4_000.0]), exploded_from([0.0, 0.0]), exploded_from([])
    (10.0, None, None)
    """
    known = [one for one in reaches if np.isfinite(one)]
    usual = float(np.median(known)) if known else 0.0
    return EXPLODED * usual if usual > 0 else None
