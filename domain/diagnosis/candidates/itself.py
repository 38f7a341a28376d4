"""
What a finding names by itself: a column that is not as it should be, rows that repeat, a version, a rule.

Such a finding is no symptom of something else. It competes with what lies further upstream, which says more
of the same, and is named where nothing does.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.changes.other_model import by_another_file
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer, CauseKind, Slice

LAST = 9  # of what undoes the same: every kind that was looked for by itself says more


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    kind, finding = material.fault, material.finding
    if kind is None or (kind == "serving" and not _adjusted(material, known)):
        return
    if kind == "feature" and _feature(material) is None:
        return
    yield Proposal(
        kind=kind,
        object=_object(material, kind),
        place=_place(material, kind),
        since=known.begun(finding),
        title=finding.title,
        sentence=finding.title,
        where=Answer(question="where", holds=True, words="it lies where the finding lies"),
        how_much=Answer(question="how_much", holds=True, words="the finding is of it itself"),
        table=finding.table if kind in ("feature", "duplicate") else None,
        feature=_feature(material) if kind == "feature" else None,
        upstream=LAST,
    )


def _adjusted(material: Material, known: Known) -> bool:
    """Whether scores that the file does not compute are made after it, and not by another model."""
    return known.scene is not None and not by_another_file(material, known.scene)


def _object(material: Material, kind: CauseKind) -> str | None:
    finding, columns = material.finding, material.columns
    match kind:
        case "duplicate":
            return finding.table
        case "serving":
            return material.model_name
        case "filter":
            item = dict(finding.slice).get(columns.item if columns is not None else material.key)
            return item or (finding.slice[0][0] if finding.slice else None)
        case "feature":
            return _feature(material)
    return finding.subject


def _feature(material: Material) -> str | None:
    """The feature, of items or of the model, that the finding is of; a column may be none."""
    columns = material.columns
    known = (*material.features, *(columns.features if columns is not None else ()))
    return next(filter(material.finding.is_of, known), None)


def _place(material: Material, kind: CauseKind) -> Slice:
    """Of an item that is kept out, the slice of requests."""
    finding, columns = material.finding, material.columns
    item = columns.item if columns is not None else material.key
    return tuple(pair for pair in finding.slice if kind != "filter" or pair[0] != item)


ITSELF = CandidateKind("itself", _propose, LAST, "what is counted again once it is mended")
