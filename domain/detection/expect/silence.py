"""
Silences between arrivals that trickle in: what length is usual, and when a silence is too long.

How rare a longer one is follows from how the longest fall off: those are at night, when rows come seldom,
whereas most of the others are by day.

Source:
    Spacings of the longest: Rényi (1953), "On the theory of order statistics", Acta Math. Acad. Sci. Hung. 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEAST_GAPS = 7  # silences needed before anything is expected of them
RECURRENT = 3  # two may have been outages; what happened three times is usual
LONGEST = 30  # the longest silences, whose spacings show how they fall off
OVER_USUAL = 1.25  # ratio of a silence to the usual longest before it matters
FALSE_ALARMS_PER_WEEK = 0.05
DAY_SECONDS, WEEK_SECONDS = 86_400.0, 604_800.0


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
    The usual silences, given those seen (n,) in seconds. One or two long ones were outages and do not extend
    the limit; within two days, one may have been the night.

    Args:
        weekly: false alarms a week that the limit may cost.

    Returns:
        None with fewer than seven silences and no promise `within`.
    """
    if within is not None:
        return Usual(within, within, max(within / 10, width), 1 / (len(gaps) + 1))
    if len(gaps) < LEAST_GAPS:
        return None
    days = int(gaps.sum() // DAY_SECONDS)
    rank = min(RECURRENT, 1 + len(gaps) // 10, max(days, 1))
    longest = float(np.sort(gaps)[-rank])
    usual = gaps[gaps <= longest]
    scale = max(float(np.std(usual)), _fall_off(usual, rank), width)
    tail = rank / (len(gaps) + 1)
    allowed = weekly * max(float(np.mean(usual)), width) / WEEK_SECONDS
    rare = longest + scale * max(0.0, float(np.log(tail / allowed)))
    return Usual(longest, max(OVER_USUAL * longest, longest + width, rare), scale, tail)


def _fall_off(usual: npt.NDArray[np.float64], rank: int) -> float:
    """
    The seconds within which silences longer than most get e times rarer; 0 if there are too few to say.

    Spacings of the longest, each times its rank, are draws from an exponential of that scale. The
    largest is left out, and compensated for: a shop that is closed at night has one between nights and days.

    Args:
        usual: (n,) seconds, of which the longest is the `rank`-th longest of all.
    """
    last = min(LONGEST, max(len(usual) // 4, rank + 3))
    longest = np.sort(usual)[::-1][: last - rank + 1]
    spacings = np.arange(rank, rank + len(longest) - 1) * -np.diff(longest)
    if len(spacings) < 2:
        return 0.0
    ordinary = spacings.sum() - spacings.max()
    return float(ordinary / (len(spacings) - np.sum(1 / np.arange(1, len(spacings) + 1))))


def silence_wait(gaps: npt.NDArray[np.float64], usual: Usual) -> float:
    """
    Seconds from when arrivals stop, at any moment of silences (n,) like these, until the limit is exceeded.
    """
    return float(usual.limit - np.sum(gaps**2) / (2 * np.sum(gaps)))
