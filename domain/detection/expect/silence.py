"""Silences between arrivals that trickle: how long is usual, from when on it is too long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEAST_GAPS = 7  # silences before anything is expected of them
RECURRENT = 3  # twice may have been an outage; what happened three times is usual
OVER_USUAL = 1.25  # silence against the usual longest before it matters
FALSE_ALARMS_PER_WEEK = 0.05
WEEK_SECONDS = 604_800.0


@dataclass(frozen=True)
class Usual:
    """
    The usual longest silence and the limit above which it is too long, seconds.

    Beyond `longest` silences fall off as an exponential of `scale` seconds, from the share `tail` there.
    """

    longest: float
    limit: float
    scale: float
    tail: float

    def p_value(self, silence: float) -> float:
        """The share of silences that are at least this long."""
        return float(min(1.0, self.tail * np.exp(-max(0.0, silence - self.longest) / self.scale)))


def usual_silence(
    gaps: npt.NDArray[np.float64], width: float, within: float | None, weekly: float = FALSE_ALARMS_PER_WEEK
) -> Usual | None:
    """
    What silences (n,) in seconds are usual. One or two long ones were outages and do not make the limit
    longer.

    Args:
        weekly: false alarms a week that the limit may cost.

    Returns:
        None with fewer than seven silences and no promise `within`.
    """
    if within is not None:
        return Usual(within, within, max(within / 10, width), 1 / (len(gaps) + 1))
    if len(gaps) < LEAST_GAPS:
        return None
    rank = min(RECURRENT, 1 + len(gaps) // 10)
    longest = float(np.sort(gaps)[-rank])
    usual = gaps[gaps <= longest]
    scale = max(float(np.std(usual)), width)
    tail = rank / (len(gaps) + 1)
    allowed = weekly * max(float(np.mean(usual)), width) / WEEK_SECONDS
    rare = longest + scale * max(0.0, float(np.log(tail / allowed)))
    return Usual(longest, max(OVER_USUAL * longest, longest + width, rare), scale, tail)


def silence_wait(gaps: npt.NDArray[np.float64], usual: Usual) -> float:
    """Seconds from when arrivals stop, at any moment of silences (n,) like these, until the limit says so."""
    return float(usual.limit - np.sum(gaps**2) / (2 * np.sum(gaps)))
