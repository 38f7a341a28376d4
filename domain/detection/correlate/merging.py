"""
Which open incident another one is part of, once both are diagnosed: findings that shared nothing when they
opened, such as two slices of a table, may turn out to have one cause.
"""

from __future__ import annotations

from collections.abc import Iterable

from domain.incident.decide import may_merge
from domain.incident.state import Incident
from domain.values import Diagnosis


def part_of(incident: Incident, found: Diagnosis, unclosed: Iterable[Incident]) -> Incident | None:
    """
    The first of the incidents for which the same cause was named; None where there is none.

    Args:
        found: the incident's diagnosis.
        unclosed: the others, oldest first.
    """
    if not may_merge(incident):
        return None
    return next((one for one in unclosed if one.stream != incident.stream and _is_of(one, found)), None)


def _is_of(other: Incident, found: Diagnosis) -> bool:
    """Whether the other incident goes on, and its cause has the kind, object and place of the one found."""
    known = other.diagnosis
    if known is None or other.kind != "detected" or other.status not in ("open", "acknowledged"):
        return False
    if found.cause_kind == "unknown" or found.object is None:
        return False
    named = (known.cause_kind, known.object, set(known.place))
    return named == (found.cause_kind, found.object, set(found.place))
