"""
What a finding names by itself: repeated rows, a feature that is not set, a version, scores, what is left out.

Such a finding is no symptom of something else. Its kind of cause says what of it is the object, and where it
lies; it competes with what lies further upstream, which says more of the same, and is named where nothing
does.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer, CauseKind, Finding, Slice

LAST = 9  # further down than any kind: of two that undo the same, one that was looked for says more
FEW = 30  # rows, below which nothing is said of which slice they lie in
WORDS = "the finding is of it itself"


def found_itself(kind: CandidateKind, material: Material, known: Known) -> Iterator[Proposal]:
    """The finding as a proposal, where it is of the kind of cause that its check finds."""
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
        upstream=LAST,
    )


def _where(finding: Finding) -> Answer:
    """Where the finding lies; but a promise broken by a few rows is reported at once, of the whole table."""
    if not finding.slice and finding.observed < FEW and finding.expected == 0:
        return Answer(question="where", words="so far too few rows say where it lies")
    return Answer(question="where", holds=True, words="it lies where the finding lies")


def measured_itself(material: Material, kind: CauseKind, place: Slice) -> Answer | None:
    """How much, of a proposal of the kind that the finding is of, in its slice, what holds it, or a part."""
    own, there = set(material.finding.slice), set(place)
    if material.fault != kind or not (own <= there or there <= own):
        return None
    return Answer(question="how_much", holds=True, words=WORDS)
