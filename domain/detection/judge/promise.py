"""
A promise is a promise: a declaration is reported at the first row that breaks it, whatever is usual.

What is only learned is judged by chance (`wrong_rows`). What a team declared needs no history and no luck: a
range, a set of values, a key, a reference, a column that must never be null. It may be declared with a
tolerance (`least_rows`, `least_share`), and then that is the promise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from domain.detection.data.tally import Tally
from domain.detection.judge.severity import severity_of
from domain.recommender.check import Check
from domain.recommender.options import LeastShare
from domain.values import Finding, Slice, name_slice

NEARLY_ALL = 0.98  # of the rows that break a promise, in a slice that is named with them
LEAST_BROKEN = 10  # such rows; fewer may lie anywhere by chance


def tolerated(check: Check, rows: float) -> float:
    """
    How many of these rows may break a promise: none, unless the check itself says how many matter.

    >>> strict = Check(name="c", kind="domain", table="t")
    >>> tolerated(strict, 1000), tolerated(strict.model_copy(update={"options": {"least_share": 0.01}}), 1000)
    (0.0, 9.0)
    """
    least = check.least_rows if "least_rows" in check.model_fields_set else 1.0
    return max(least, LeastShare.of(check).least(0.0) * rows, 1.0) - 1.0


def broken_promises(
    check: Check,
    tally: Tally,
    unit: Callable[[str], str],
    says: Callable[[list[str], str], str],
    reported: Collection[str] = (),
) -> list[Finding]:
    """
    A finding about the whole table for each promise that rows of the last window break; promises that are
    broken in the same number of rows are one finding.

    Args:
        unit, says: the words of the kind: for rows in the plural; for columns and how many rows.
        reported: columns about which a finding already says more.
    """
    rows, bad = float(tally.rows[-1, 0]), tally.bad[-1, 0]
    most = tolerated(check, rows)
    groups: dict[float, list[int]] = {}
    for place, name in enumerate(tally.columns):
        if name in tally.promised and name not in reported and bad[place] > most:
            groups.setdefault(float(bad[place]), []).append(place)
    return [_finding(check, tally, places, count, most, unit, says) for count, places in groups.items()]


def _finding(
    check: Check,
    tally: Tally,
    places: list[int],
    count: float,
    most: float,
    unit: Callable[[str], str],
    says: Callable[[list[str], str], str],
) -> Finding:
    share = min(1.0, count / max(float(tally.rows[-1, 0]), 1.0))
    names = [(tally.labels or tally.columns)[place] for place in places]
    subject = tally.columns[places[0]]
    where = _all_where(tally, places[0])
    broken = f"{says(names, f'{count:,.0f}')}{f', all where {name_slice(where)}' if where else ''}"
    return Finding(
        check=check.name,
        table=check.table or "",
        subject=subject,
        window_start=tally.start(tally.last),
        window_end=tally.end(tally.last),
        observed=count,
        expected=0.0,
        low=0.0,
        high=most,
        unit=unit(subject),
        p_value=0.0,
        severity=check.severity or severity_of(share, drop=True),
        affected_share=share,
        title=f"{check.table}: {broken}, against what is declared"[:300],
    )


def _all_where(tally: Tally, column: int) -> Slice:
    """The smallest slice that holds nearly all rows that break it and few others; () if none says more."""
    rows, bad = tally.rows[-1], tally.bad[-1, :, column]
    inside = np.array([tally.columns[column] not in dict(cell) and len(cell) > 0 for cell in tally.cells])
    inside &= (bad >= NEARLY_ALL * bad[0]) & (rows <= rows[0] / 2)
    if bad[0] < LEAST_BROKEN or not inside.any():
        return ()
    return tally.cells[min(np.flatnonzero(inside), key=lambda place: (rows[place], len(tally.cells[place])))]


def is_promise(finding: Finding) -> bool:
    """Whether a finding is a broken promise: about the whole table, certain, with nothing of it usual."""
    return (
        finding.p_value == 0.0
        and finding.expected == 0.0
        and finding.subject is not None
        and not finding.slice
    )
