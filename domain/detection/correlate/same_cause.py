"""One cause, one incident: whether a finding is what an open incident already reports, seen elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from domain.recommender.lineage import Lineage
from domain.values import ROWS, Finding, Slice

Link = Literal["slice", "table", "column", "upstream", "downstream", "items"]
"""What a finding shares with an incident; `downstream`: its table is made from the incident's."""

BLIND = "looks"
"""Unit of the finding that a check was unable to look."""
SILENT = "seconds"
"""Unit of a silence: how long nothing came, or nothing was replaced."""


def same_cause(
    first: Finding,
    latest: Finding,
    seen_until: datetime,
    other: Finding,
    lineage: Lineage | None = None,
) -> Link | None:
    """
    What `other` shares with an incident, in a window that overlaps the time in which the incident was seen;
    None if they are unrelated, and for predictions, each of which is about an item of its own.

    Args:
        first, latest: the incident's findings; they differ in their window.
        seen_until: when it was last seen; at least the end of the latest window.
        lineage: which tables are made from which.
    """
    if not _at_one_time(first, seen_until, other) or first.fingerprint == other.fingerprint:
        return None
    if BLIND in (first.unit, other.unit):
        # A table that cannot be read blinds all its checks, and says nothing about its rows.
        return "table" if first.unit == other.unit and first.table == other.table else None
    if first.table == other.table:
        return _in_one_table(first, latest, other)
    return _in_two_tables(first, latest, other, lineage or Lineage())


def crossing(
    first: Finding, latest: Finding, seen_until: datetime, other: Finding, lineage: Lineage
) -> Slice | None:
    """
    The intersection of both slices, if what `other` lacks may be what the incident lacks, in a table made
    from the incident's: people of one region see fewer films of one country. The same may hold if the
    incident is about a column: films whose language is not set are shown less. How much of it lies there has
    to be counted. None if neither slice says anything about the other, or one says everything about it.

    Args: as those of `same_cause`.
    """
    wrong = first.subject is not None or (first.unit == ROWS and lacks(latest))
    if not wrong or other.subject or other.unit != ROWS or not lacks(other) or first.unit == BLIND:
        return None
    if not (_at_one_time(first, seen_until, other) and first.table in lineage.above(other.table)):
        return None
    where = {**dict(first.slice), **dict(other.slice)}
    both = set(first.slice) | set(other.slice)
    crosses = first.slice and other.slice and not _nested(first.slice, other.slice)
    return tuple(sorted(both)) if crosses and len(where) == len(both) else None


def _at_one_time(first: Finding, seen_until: datetime, other: Finding) -> bool:
    overlap = first.window_start < other.window_end and other.window_start < seen_until
    return overlap and first.kind == other.kind == "detected"


def lacks(finding: Finding) -> bool:
    """Whether rows are missing, or late, rather than too many."""
    return finding.change < 0 or finding.unit == SILENT


def _in_one_table(first: Finding, latest: Finding, other: Finding) -> Link | None:
    """
    The same column, the same slice, or for counts a slice within the other; a whole table is nobody's slice.
    """
    same = first.slice == other.slice
    if first.subject or other.subject:
        if first.subject == other.subject and _nested(first.slice, other.slice):
            return "column"
        return "slice" if same and first.slice else None
    if lacks(latest) != lacks(other):
        return None
    if same:
        return "slice" if first.slice else "table"
    return "slice" if first.slice and other.slice and _nested(first.slice, other.slice) else None


def _in_two_tables(first: Finding, latest: Finding, other: Finding, lineage: Lineage) -> Link | None:
    """
    Follow the declared lineage, if the slices do not exclude each other; otherwise require the very same
    slice, and accept whole tables only if no table says what it is made from, or both are made from a third.
    A model that learned something wrong errs for everybody, so its slices do not say where the error shows.
    """
    if first.table in lineage.taught(other.table):
        return "downstream"
    if other.table in lineage.taught(first.table):
        return "upstream"
    upon, under = lineage.above(other.table), lineage.above(first.table)
    counted = not (first.subject or other.subject)
    if counted and lacks(latest) != lacks(other):
        return "downstream" if first.table in upon and _took_its_place(latest, other) else None
    if first.table in upon or other.table in under:
        link: Link = "downstream" if first.table in upon else "upstream"
        return link if _nested(first.slice, other.slice) else None
    if not counted or first.unit != other.unit or first.slice != other.slice:
        return None
    strangers = any(lineage.made_from.values()) and not upon & under
    return "slice" if first.slice or not strangers else None


def _took_its_place(latest: Finding, other: Finding) -> bool:
    """
    Whether `other` has more rows of another value of what lacks rows upstream: items not shown make room.
    """
    missing = dict(latest.slice)
    return lacks(latest) and any(missing.get(name, value) != value for name, value in other.slice)


def _nested(one: Slice, other: Slice) -> bool:
    """Whether one slice lies within the other; everything lies within a whole table."""
    return set(one) <= set(other) or set(other) <= set(one)
