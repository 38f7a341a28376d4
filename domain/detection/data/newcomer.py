"""Values, columns and rows that have only just begun to appear; and clocks set to another zone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats

SURE = 1e-3  # largest probability that a value was absent before by chance
HOURS = 24
LEAST_ALIKE = 0.9  # correlation of two days, hour by hour, above which they count as the same day
CLOSER = 0.1  # share of the unshifted squared distance that may remain once one of them is shifted


def newcomers(rows: Floats) -> npt.NDArray[np.intp]:
    """
    The window in which each value first appeared; 0 if it may have been there all along.

    A value is new if, at the rate it has appeared since, it would almost certainly have appeared before:
    the chance of no row in a Poisson count, exp(−rate × windows before), is at most `SURE`.

    Args:
        rows: (n_windows, n_values) counts ≥ 0; the table itself has rows from window 0 on.

    >>> newcomers(np.array([[9.0, 0.0, 0.0], [9.0, 0.0, 0.0], [9.0, 5.0, 1.0]])).tolist()
    [0, 2, 0]
    """
    windows = len(rows)
    there = rows > 0
    first = np.where(there.any(axis=0), there.argmax(axis=0), 0)
    since = np.maximum(windows - first, 1)
    missed = rows.sum(axis=0) / since * first
    return np.where(np.exp(-missed) <= SURE, first, 0)


def hours_apart(own: Floats, other: Floats) -> int | None:
    """
    How many hours later the day of `own` lies than that of `other`; None if they agree, or are not alike.

    Args:
        own, other: (24,) rows by the hour of the day, UTC.

    >>> day = 2.0 + np.sin(np.arange(24) / 24 * 2 * np.pi)
    >>> hours_apart(np.roll(day, 2), day), hours_apart(day, day), hours_apart(np.ones(24), day)
    (2, None, None)
    """
    if min(own.std(), other.std()) <= 0:
        return None
    mine, theirs = own / own.sum(), other / other.sum()
    apart = [float(np.square(mine - np.roll(theirs, shift)).sum()) for shift in range(HOURS)]
    best = int(np.argmin(apart))
    alike = float(np.corrcoef(mine, np.roll(theirs, best))[0, 1])
    if best == 0 or alike < LEAST_ALIKE or apart[best] > CLOSER * apart[0]:
        return None
    return best if best <= HOURS // 2 else best - HOURS
