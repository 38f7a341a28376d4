"""
A change that has lasted since an onset, as a finding about a total's rows.

Each look goes through the windows of the history anew, so that a walk over the past, a live look and a check
that lost its memory give the same result. A standing finding keeps its onset: the windows since then are
compared with the level before it. Amounts are left to single windows.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from datetime import datetime

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Counts, Floats
from domain.detection.expect.steady import forecast_steadily
from domain.detection.judge.counts.sequential import (
    Alternatives,
    Sequence,
    Since,
    log_evidence,
    since,
)
from domain.detection.judge.discovery import (
    FALSE_ALARMS_PER_WEEK,
    SEQUENTIAL_PART,
)
from domain.detection.judge.reporting import Numbers, finding_over
from domain.detection.judge.state import CheckState
from domain.detection.judge.title import title_of, title_since
from domain.detection.judge.usable import inside
from domain.recommender.check import Check
from domain.values import Finding, Slice

BAND = 1.96

Mask = npt.NDArray[np.bool_]


def changed_total(
    check: Check, counts: Counts, state: CheckState, learn: Mask, looks: float
) -> Finding | None:
    """
    The total that has been off since an onset; None if that is not beyond chance, or does not
    matter.

    Args:
        learn: (n_windows,) which windows may be learned from.
        looks: independent looks a week.
    """
    if check.measure is not None:
        return None
    sequence = _sequence(counts, state, counts.total[:, None], np.ones((len(counts.total), 1)), learn)
    evidence, onset = log_evidence(sequence, Alternatives.of(check.direction, check.least_change))
    if evidence[0] < np.log(looks / (SEQUENTIAL_PART * FALSE_ALARMS_PER_WEEK)):
        return None
    begun = _onset(counts, state, (), int(onset[0]))
    found = since(sequence, 0, begun, float(evidence[0]))
    return _finding(check, counts, (), found, found.expected) if _matters(check, found) else None


def as_one(single: Many[Finding], lasting: Many[Finding]) -> list[Finding]:
    """
    What a look reports: for a slice that a single window reports as well, and for those within it or around
    it, the change since an onset; if the last window says the opposite, the last window.
    """
    held = [one for one in lasting if not any(_opposed(one, other) for other in single)]
    others = [
        one for one in single if not any(overlap(one, other) and not _opposed(one, other) for other in held)
    ]
    return [*held, *others]


def _sequence(counts: Counts, state: CheckState, rows: Floats, exposure: Floats, learn: Mask) -> Sequence:
    width = counts.grid.width.total_seconds()
    special = counts.special_days()
    ordinary = np.ones(len(counts.total), dtype=bool) if special is None else ~special.marked
    learn = learn & ordinary  # a holiday is judged separately, and is not part of what lasts
    steady = forecast_steadily(rows, exposure, counts.local_seconds(), width, learn)
    return Sequence(steady, learn, _counted(counts, state) & (exposure[:, 0] > 0) & ordinary)


def _counted(counts: Counts, state: CheckState) -> Mask:
    """(n_windows,) those that count: what was found before and is over says nothing about the present."""
    last = counts.start(len(counts.total) - 1)
    counted = counts.known.copy()
    for wrong in (*state.known, *state.excluded):
        if wrong.until <= last:
            counted &= ~inside(counts, wrong)
    for seen in state.seen.values():
        if not seen.blind:
            counted[_place(counts, seen.since) :] |= counts.known[_place(counts, seen.since) :]
    return counted


def _onset(counts: Counts, state: CheckState, where: Slice, onset: int) -> int:
    """The window since which it is reported: for a standing finding, as before."""
    known = [seen.since for seen in state.seen.values() if seen.slice == where and not seen.blind]
    return _place(counts, known[0]) if known else onset


def _place(counts: Counts, moment: datetime) -> int:
    """The window that contains `moment`; the first or last of the history if it lies outside."""
    place = int((moment - counts.start(0)) / counts.grid.width + 0.5)  # a local day may have an hour more
    return min(max(place, 0), len(counts.total) - 1)


def _matters(check: Check, found: Since) -> bool:
    off = found.observed - found.expected
    wanted = check.direction == "both" or (check.direction == "drop") == (off < 0)
    return (
        not found.over and wanted and abs(off) >= max(check.least_rows, check.least_change * found.expected)
    )


def _finding(check: Check, counts: Counts, where: Slice, found: Since, whole: float) -> Finding:
    last, onset = len(counts.total) - 1, counts.start(found.onset)
    local, off = onset.astimezone(counts.grid.zone), found.observed - found.expected
    share, table = min(1.0, abs(off) / max(whole, 1.0)), check.table or ""
    low, high = max(0.0, found.expected - BAND * found.spread), found.expected + BAND * found.spread
    p_value = float(np.exp(-max(found.log_evidence, 0.0)))
    numbers = Numbers(found.observed, round(found.expected, 2), low, high, "rows", p_value)
    change = (table, where, found.observed, found.expected)
    title = title_of(*change) if found.onset == last else title_since(*change, local, counts.grid.width)
    return finding_over((onset, counts.end(last)), check, where, numbers, share, title)


def overlap(one: Finding, other: Finding) -> bool:
    """Whether one's slice lies in the other's."""
    return set(one.slice) <= set(other.slice) or set(other.slice) <= set(one.slice)


def _opposed(one: Finding, other: Finding) -> bool:
    return one.slice == other.slice and (one.change > 0) != (other.change > 0)
