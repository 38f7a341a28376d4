"""
Seen before? A past incident whose signature is like this one's, what it was, and what worked.

It is reported beside the evidence but is not evidence: nothing here takes part in naming the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import log2

from domain.incident.state import Incident
from domain.values import CauseKind, Diagnosis, Evidence, Finding, Slice

HALF = 0.5
"""Share of what distinguishes an incident that one like it must have, too: more alike than not."""
MOST_OTHERS = 3
TWICE = 2.0


@dataclass(frozen=True)
class Signature:
    """What an incident is known by; `change` is relative (−0.71 is 71 % less), `cause` "unknown" where none
    was named."""

    cause: CauseKind
    object: str | None
    place: Slice
    check: str
    table: str
    change: float


@dataclass(frozen=True)
class Past:
    """An incident that is over: `what` it was and how it ended (`outcome`), in words."""

    number: int
    opened_at: datetime
    signature: Signature
    what: str
    outcome: str | None = None


Agrees = Callable[[Signature, Signature], bool]

FACETS: Mapping[str, Agrees] = {
    "cause": lambda one, other: one.cause == other.cause,
    "object": lambda one, other: one.object is not None and one.object == other.object,
    "place": lambda one, other: (
        bool(set(one.place) & set(other.place)) if one.place else one.place == other.place
    ),
    "check": lambda one, other: one.check == other.check,
    "table": lambda one, other: one.table == other.table,
    "direction": lambda one, other: (one.change > 0) == (other.change > 0),
    "size": lambda one, other: (
        max(abs(one.change), abs(other.change)) <= TWICE * min(abs(one.change), abs(other.change))
    ),
}
OF_CAUSE = frozenset({"cause", "object"})


def signature_of(finding: Finding, diagnosis: Diagnosis | None) -> Signature:
    """The signature of the named cause, else of the symptom."""
    named = diagnosis if diagnosis is not None and diagnosis.cause is not None else None
    return Signature(
        cause=named.cause_kind if named else "unknown",
        object=named.object if named else None,
        place=(named.place if named else ()) or finding.slice,
        check=finding.check,
        table=finding.table,
        change=finding.change,
    )


def past_of(incident: Incident) -> Past | None:
    """What a finished incident is remembered by; null for one that no check raised, or that is not over."""
    finding = incident.first_finding
    if finding is None or incident.status not in ("resolved", "closed") or incident.merged_into is not None:
        return None
    found = incident.diagnosis
    what = found.title or found.cause if found is not None and found.cause is not None else None
    return Past(
        number=incident.number,
        opened_at=incident.opened_at,
        signature=signature_of(finding, found),
        what=what or f"{incident.title}, whose cause was not established",
        outcome=_outcome(incident),
    )


def _outcome(incident: Incident) -> str | None:
    """What worked, or did not. A hotfix that was verified has no reason against it, however it ended."""
    if incident.resolved_how == "false_alarm":
        return "it was judged to be no incident"
    hotfix = incident.hotfix
    if hotfix is not None and hotfix.applied_at is not None:
        option = incident.option(hotfix.option)
        label = f"“{option.label if option else hotfix.option}”"
        closed = None if hotfix.repaired_share is None else f"{100 * hotfix.repaired_share:.0f} % of the gap"
        if hotfix.because == "harm":
            return f"{label} did harm and was reverted"
        if hotfix.reason is None and closed is not None:
            return f"{label} closed {closed}"
        if hotfix.reason is not None:
            return f"{label} did not repair it" + (f" ({closed} closed)" if closed else "")
    return {"by_itself": "it ended by itself", "elsewhere": "it was repaired elsewhere"}.get(
        incident.resolved_how or ""
    )


def similarity(now: Signature, other: Signature, past: Sequence[Signature]) -> float:
    """
    The share (0–1) of what distinguishes `now` that `other` has too.

    Each facet weighs as much as its agreement says: −log₂ of the share of past incidents that agree in it,
    with one added that does and one that does not. What all incidents have in common says next to nothing.

    Args:
        past: all signatures that are known, `other` among them.

    Source:
        Similarity as shared information content: Lin (1998), Proc. ICML 15.
    """
    names = [name for name in FACETS if now.cause != "unknown" or name not in OF_CAUSE]
    weights = {name: _weight(FACETS[name], now, past) for name in names}
    shared = sum(weight for name, weight in weights.items() if FACETS[name](now, other))
    return shared / sum(weights.values())


def _weight(agrees: Agrees, now: Signature, past: Sequence[Signature]) -> float:
    return -log2((1 + sum(agrees(now, other) for other in past)) / (2 + len(past)))


def find_alike(now: Signature, past: Sequence[Past]) -> list[Past]:
    """
    The past incidents that are like this one, the most alike first, and of equals the newest.

    Their cause is of the same kind where one is named now, else their table and direction are the same; and
    it is the same object, or they share half of what distinguishes this one.
    """
    every = [one.signature for one in past]
    found = []
    for one in past:
        if not _comparable(now, one.signature):
            continue
        shared = similarity(now, one.signature, every)
        if FACETS["object"](now, one.signature) or shared >= HALF:
            found.append((shared, one.number, one))
    return [one for _, _, one in sorted(found, key=lambda each: each[:2], reverse=True)]


def _comparable(now: Signature, other: Signature) -> bool:
    if now.cause != "unknown":
        return now.cause == other.cause
    return FACETS["table"](now, other) and FACETS["direction"](now, other)


def with_precedent(diagnosis: Diagnosis, finding: Finding, past: Sequence[Past], zone: tzinfo) -> Diagnosis:
    """The diagnosis with one more line, of the past incident most like it; unchanged where none is."""
    alike = find_alike(signature_of(finding, diagnosis), past)
    if not alike:
        return diagnosis
    first, others = alike[0], alike[1 : 1 + MOST_OTHERS]
    on = _day(first.opened_at.astimezone(zone), finding.window_end.astimezone(zone))
    by = "" if diagnosis.cause is not None else ", by its symptom alone"
    outcome = f"; {first.outcome}" if first.outcome else ""
    more = f" (also like it: {', '.join(f'#{one.number}' for one in others)})" if others else ""
    line = f"Like incident {first.number} on {on}{by}: {first.what}{outcome}{more}"
    evidence = (*diagnosis.evidence, Evidence(kind="precedent", statement=line))
    return diagnosis.model_copy(update={"evidence": evidence})


def _day(moment: datetime, now: datetime) -> str:
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment.day} {moment:%B}{year}"
