"""
Several windows of slices judged as one: a loss too small for any of them shows in their sum.

Consecutive windows scatter together, so a sum over several of them is not compared with the scatter of single
ones: the history is cut into stretches of the same length, which are judged as windows are. What was over
before is no longer part of any sum, and what a sum still shows is over once the latest windows in it
are surely back.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.detection.data.counts import Counts
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.judge.counts.sequential_finding import overlap
from domain.detection.judge.discovery import SLICES_FALSE_ALARMS_PER_WEEK, WEEK_SECONDS
from domain.detection.judge.state import CheckState
from domain.values import Finding

SEVERAL_PART = 0.3  # false alarms that sums may raise, relative to those of single windows
LOOKS_A_SUM = 4  # looks worth one independent look: sums that share most windows are nearly the same
DENIED = 4.6  # log likelihood by which the latest windows are back, whatever all show together: 100 to one
HOUR, DAY = 3_600, 86_400
SHORT, HOURLY, DAILY = (3, 8), (4, 24), (3, 7)


def lengths(width_seconds: float) -> tuple[int, ...]:
    """
    How many windows are judged as one: for hours up to a day, for days up to a week; for short ones few
    enough that some thirty such sums fit into the past they learn from.

    >>> lengths(300), lengths(3_600), lengths(86_400), lengths(604_800)
    ((3, 8), (4, 24), (3, 7), ())
    """
    if width_seconds < HOUR:
        return SHORT
    if width_seconds < DAY:
        return tuple(each for each in HOURLY if each * width_seconds <= DAY)
    return DAILY if width_seconds == DAY else ()


def level_of_sums(counts: Counts | RatioCells, sums: int) -> float:
    """The level of one of `sums` sums, where the judged window of `counts` is a sum."""
    allowed = SEVERAL_PART * SLICES_FALSE_ALARMS_PER_WEEK / sums
    return float(allowed * counts.grid.width.total_seconds() / (LOOKS_A_SUM * WEEK_SECONDS))


def is_apart(counts: Counts | RatioCells, state: CheckState) -> bool:
    """Whether the judged window holds nothing of what was wrong and is over."""
    begins = counts.start(len(counts.total) - 1)
    return all(wrong.until <= begins for wrong in (*state.known, *state.excluded))


def additional_findings(
    more: Sequence[Finding], found: Sequence[Finding], state: CheckState, counts: Counts | RatioCells
) -> list[Finding]:
    """
    The findings of a sum that are reported in addition to those of fewer windows.

    If fewer windows show that something begins within the sum, most of what else the sum shows is the shadow
    of that: then only standing findings continue.
    """
    begins = counts.start(len(counts.total) - 1)
    shadowed = bool(found) or any(seen.reported and seen.since > begins for seen in state.seen.values())
    return [
        one
        for one in more
        if not any(overlap(one, other) for other in found) and (one.fingerprint in state.seen or not shadowed)
    ]


def likelier_back(observed: float, expected: float, share: float, dispersion: float) -> float:
    """
    The log likelihood by which the rows are as `expected` rather than that `share` of it.

    Args:
        dispersion: multiple of a Poisson's variance.
    """
    still = expected * share
    nearer = (observed - still) ** 2 - (observed - expected) ** 2
    return float(nearer / (2 * dispersion * max(expected, still, 1.0)))
