"""
Whether windows were written by a program: counts of what people ask for differ from window to window.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

EVENLY = 0.1  # variance over mean of counts that a program writes; for what people ask for it is 1 or more
STEADY = 0.02  # standard deviation over mean of a batch that is made for members, of whom a few come and go
A_WEEK = timedelta(days=7)  # at least: over so long, what people ask for is not that steady
LEAST_WINDOWS, LEAST_ROWS = 8, 5.0  # and rows in each


def evenly(counts: npt.NDArray[np.float64], span: timedelta = timedelta(0)) -> bool:
    """
    Whether a program wrote windows with these `counts` of rows, which take `span` in all.

    >>> evenly(np.full(8, 30_000.0)), evenly(np.array([31.0, 22, 35, 28, 40, 25, 30, 33]))
    (True, False)
    """
    mean = float(counts.mean()) if len(counts) >= LEAST_WINDOWS else 0.0
    most = max(EVENLY * mean, (STEADY * mean) ** 2) if span >= A_WEEK else EVENLY * mean
    return mean >= LEAST_ROWS and float(counts.var()) <= most
