"""
One incident, one alarm: when a strain begins to be told, and while it is still the same.

An alarm begins at `MARGIN` times the return level, and stands until the strain has been below the level
itself for a quarter of a day. Within a day of its beginning another one has to be twice as far out as is
usual, so that what comes back every hour is told once, and something much worse at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domain.detection.counts import Floats

MARGIN = 1.15  # times the return level, from where on it is told
AGAIN = 2.0  # the same within a day of an earlier alarm
STANDS = 1.0  # times the return level, up from which it goes on
STAND_DAYS, COOL_DAYS = 0.25, 1.0
COOL_WINDOWS = 3  # at the least: windows may be days


def stand_windows(a_day: int) -> int:
    """For how many windows a strain may be below its level before the alarm is over."""
    return int(STAND_DAYS * a_day)


def cool_windows(a_day: int) -> int:
    """For how many windows after an alarm's beginning the next one has to be further out."""
    return max(int(COOL_DAYS * a_day), COOL_WINDOWS)


def onsets(ratio: Floats, a_day: int, margin: float = MARGIN) -> npt.NDArray[np.intp]:
    """
    The windows at which an alarm begins, in order, for the strains (n_windows,) over their return levels.

    >>> onsets(np.array([0.2, 1.3, 1.1, 0.3, 1.4, 0.1, 2.5]), a_day=4).tolist()
    [1, 6]
    """
    begun: list[int] = []
    last = -1
    stands = False
    for place in np.flatnonzero(ratio >= STANDS):
        stands = bool(stands and place - last <= stand_windows(a_day) + 1)
        cooling = bool(begun) and place - begun[-1] <= cool_windows(a_day)
        if not stands and ratio[place] >= (max(AGAIN, margin) if cooling else margin):
            begun.append(int(place))
            stands = True
        if stands:
            last = int(place)
    return np.array(begun, dtype=np.intp)
