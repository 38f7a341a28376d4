"""
One incident, one alarm: when an anomaly begins to be reported, and how long it remains the same one.

It begins when its score reaches `BEGINS`, and stands until that has been below `STANDS` for four hours: with
a longer wait, the next one would be taken for the same. Within a day of its beginning another one has to be
rarer still, so that what recurs every hour is reported once, and something much worse at once. Scores are
logarithms of return periods: see `anomaly_score`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats

BEGINS = 1.0  # the score from which an anomaly is reported
AGAIN = 1.5  # the same within a day of an earlier one
STANDS = 0.7  # the score from which it continues: once in weeks instead of months
STAND_DAYS, COOL_DAYS = 1 / 6, 1.0
COOL_WINDOWS = 3  # at least: windows may be days
NORMAL_DAYS, NORMAL_WINDOWS = 3, 7  # until an anomaly is the new normal: whichever is longer


def stand_windows(a_day: int) -> int:
    """For how many windows a score may be below `STANDS` before the anomaly is over."""
    return int(STAND_DAYS * a_day)


def cool_windows(a_day: int) -> int:
    """For how many windows after an anomaly begins the next one has to be rarer."""
    return max(int(COOL_DAYS * a_day), COOL_WINDOWS)


def normal_windows(a_day: int) -> int:
    """For how many windows an anomaly stands before it is taken for the new normal."""
    return max(NORMAL_DAYS * a_day, NORMAL_WINDOWS)


def onsets(score: Floats, a_day: int, begins: float = BEGINS) -> npt.NDArray[np.intp]:
    """
    The windows at which an anomaly begins, in order, for the scores (n_windows,).

    >>> onsets(np.array([0.2, 1.3, 1.1, 0.3, 0.1, 0.1, 0.1, 2.5]), a_day=4).tolist()
    [1, 7]
    """
    begun: list[int] = []
    last = -1
    stands = False
    for place in np.flatnonzero(score >= STANDS):
        stands = bool(stands and place - last <= stand_windows(a_day) + 1)
        cooling = bool(begun) and place - begun[-1] <= cool_windows(a_day)
        if not stands and score[place] >= (max(AGAIN, begins) if cooling else begins):
            begun.append(int(place))
            stands = True
        if stands:
            last = int(place)
    return np.array(begun, dtype=np.intp)
