"""
One cause, one incident: a total that is off because one of its slices is off needs no finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from domain.values import Finding

EXPLAINED_SHARE = 0.6  # of the total's change; above this share, the slices describe it better


def without_shadows(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """
    The findings of one look, without totals whose change is explained by slices found in the same table and
    window.

    A slice's expected rows follow from its share of what is left of the total; its own loss is calculated
    from its share of the total as it should have been.
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
