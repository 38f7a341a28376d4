"""A model ranks that did not before, or that should not."""

from __future__ import annotations

from collections.abc import Iterator

from domain.diagnosis.candidates.candidate import CandidateKind, Named, Proposal
from domain.diagnosis.candidates.kinds.itself import measured_itself
from domain.diagnosis.changes.other_model import OtherModel, other_model, took_its_place
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer, name_slice


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    found = other_model(material, known)
    if found is None:
        return
    since = known.onset.since if known.onset is not None else None
    when = f" since {material.clock(since)}" if since is not None else ""
    where = f" in {name_slice(found.place)}" if found.place else ""
    instead = f" instead of {found.before}" if found.before is not None else ""
    named = material.registered
    astray = named is not None and found.now is not None and found.now != named
    registry = f"; the registry names {named}" if astray else ""
    file = f"version {found.claimed}, which the log names," if found.claimed else "the declared file"
    itself = _of_the_model_itself(material, found)
    who = f"Model version {found.now}" if found.now is not None else f"Another model than {file}"
    yield Proposal(
        kind="model",
        object=found.now or found.claimed or material.model_name,
        place=found.place,
        since=since,
        title=f"{who} ranks{where}{instead}{when}",
        sentence=f"{who} ranks {100 * found.share:.0f} % of the requests{where}{instead}{when}{registry}",
        undone=found.undone,
        unknown=found.unknown,
        where=_all_of_it(material, found) if itself is not None else found.where,
        how_much=itself or measured_itself(material, "model", found.place),
        items=known.concerned,
    )


def _of_the_model_itself(material: Material, found: OtherModel) -> Answer | None:
    """What a check measures of the model, its calibration or misses, it measures of the one that ranks."""
    own = material.finding
    scored = own.unit != "rows" or material.fault == "serving"
    measured = own.table == material.candidates_table and scored
    if found.claimed is None or not measured:
        return None
    words = "what the finding measures is the model that ranks, and it is not the one that the log names"
    return Answer(question="how_much", holds=True, words=words)


def _all_of_it(material: Material, found: OtherModel) -> Answer | None:
    """What is measured of the model lies where it ranks; the effect on slices is a separate question."""
    if material.finding.slice != found.place:
        return found.where
    return Answer(question="where", holds=True, words="it ranks all that the finding is about")


def _itself(material: Material, _known: Known) -> Named | None:
    """The version that serves where it should not; for one too old, only where it replaced a newer one."""
    finding = material.finding
    if finding.unit != "seconds":
        return Named(finding.subject)
    version = took_its_place(material) if finding.table == material.candidates_table else None
    return Named(version) if version is not None else None


MODEL = CandidateKind(
    "model", _propose, 2, "the model of before on the requests of now, and the other way", _itself
)
