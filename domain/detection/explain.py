"""
One cause, one incident: a total that is off because one slice of it is does not need a finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from domain.values import Finding, Slice

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
            parts += part.observed - part.expected * total.expected / total.observed
    return parts / off >= EXPLAINED_SHARE


def same_cause(first: Finding, latest: Finding, seen_until: datetime, other: Finding) -> bool:
    """
    Whether `other` is what an incident already tells, seen elsewhere: in a table downstream, or in a slice
    within or around its own. The same direction, and a window that overlaps the time it was seen in.

    Args:
        first, latest: the incident's findings; they differ in their window.
        seen_until: when it was last seen, at the least the end of the latest window.
    """
    detected = first.kind == other.kind == "detected" and not (first.subject or other.subject)
    alike = first.unit == other.unit and (latest.change < 0) == (other.change < 0)
    overlap = first.window_start < other.window_end and other.window_start < seen_until
    elsewhere = first.fingerprint != other.fingerprint
    return detected and alike and overlap and elsewhere and _nested(first, other)


def _nested(one: Finding, other: Finding) -> bool:
    """The same slice, or in one table a slice within the other; a whole table is nobody's slice."""
    if one.slice == other.slice:
        return one.table != other.table
    inner, outer = _sorted(one.slice, other.slice)
    return bool(outer) and set(outer) < set(inner)


def _sorted(one: Slice, other: Slice) -> tuple[Slice, Slice]:
    return (one, other) if len(one) >= len(other) else (other, one)
