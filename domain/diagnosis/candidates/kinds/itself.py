"""
Findings that are the fault itself: repeated rows, an unset feature, a version, scores, what is left out.

Such a finding is no symptom of something else. Its kind of cause says which object is at fault, and where it
lies; it competes with causes further upstream, which say more about the same, and is named where there are
none.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer, CauseKind, Finding, Slice

LAST = 9  # further down than any kind: of two that undo the same, the one that was looked for says more
FEW = 30  # rows, below which nothing is said about the slice they lie in
WORDS = "the check looks for this very fault"


def found_itself(kind: CandidateKind, material: Material, known: Known) -> Iterator[Proposal]:
    """The finding as a proposal, where its check finds this very kind of cause."""
    if material.fault != kind.name or kind.itself is None:
        return
    named, finding = kind.itself(material, known), material.finding
    if named is None:
        return
    yield Proposal(
        kind=kind.name,
        object=named.object,
        place=finding.slice if named.place is None else named.place,
        since=known.begun(finding),
        title=finding.title,
        sentence=named.sentence or finding.title,
        where=_where(finding),
        how_much=Answer(question="how_much", holds=True, words=WORDS),
        table=named.table,
        feature=named.feature,
        items=named.items,
        lacking=named.lacking,
        upstream=LAST,
    )


def _where(finding: Finding) -> Answer:
    """Where the finding lies; but a promise broken by a few rows is reported at once, for the whole table."""
    if not finding.slice and finding.observed < FEW and finding.expected == 0:
        return Answer(question="where", words="so far too few rows say where it lies")
    return Answer(question="where", holds=True, words="it lies where the finding lies")


def measured_itself(material: Material, kind: CauseKind, place: Slice) -> Answer | None:
    """Answers "how much" for a proposal of the finding's own kind, in its slice, a wider one, or a part."""
    own, there = set(material.finding.slice), set(place)
    if material.fault != kind or not (own <= there or there <= own):
        return None
    return Answer(question="how_much", holds=True, words=WORDS)
