"""
One cause, one incident: a total that is off because one slice of it is does not need a finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from domain.values import Finding

EXPLAINED_SHARE = 0.6  # of the total's change, above which the slices are the better word for it


def without_shadows(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """
    The findings of one look, without totals whose change is that of slices found in the same table and
    window.

    A slice's expected rows are those of its share in what is left of the total; its own loss is reckoned from
    its share in the total as it should have been.
    """
    every = tuple(findings)
    return tuple(one for one in every if one.slice or one.subject or not _explained(one, every))


def _explained(total: Finding, findings: tuple[Finding, ...]) -> bool:
    off = total.observed - total.expected
    if total.unit == "seconds" or off == 0 or total.observed <= 0:
        return False
    parts = 0.0
    for part in findings:
        same = part.table == total.table and part.unit == total.unit and part.slice
        if same and part.window_start < total.window_end and total.window_start < part.window_end:
            lasts = (part.window_end - part.window_start) / (total.window_end - total.window_start)
            parts += (part.observed - part.expected * total.expected / total.observed) / lasts
    return parts / off >= EXPLAINED_SHARE
