"""What a model was trained on: a table that it learned from is off, and the model learned it."""

from __future__ import annotations

from collections.abc import Iterator

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.changes.other_model import other_model
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer, Finding, name_slice


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    learned = frozenset[str]().union(*material.lineage.learned_from.values())
    own = material.finding
    if own.table in learned:
        if own.unit != "rows":  # how many rows there are is a matter of how much was watched
            yield _itself(material, own)
        return
    wrong = [one for one in material.others if one.table in material.lineage.taught(own.table)]
    found = other_model(material, known) if wrong else None
    for one in wrong:
        yield Proposal(
            kind="training_data",
            object=one.subject or one.table,
            place=one.slice,
            since=one.since,
            title=f"The model was trained on faulty data: {one.title}",
            sentence=f"The model that ranks since {_when(material, known)} learned from `{one.table}`, where "
            f"{name_slice(one.slice)} is off: {one.title}",
            undone=found.undone if found is not None else None,
            unknown="no other model ranks since the onset" if found is None else found.unknown,
            where=found.where if found is not None else None,
            table=one.table,
        )


def _when(material: Material, known: Known) -> str:
    return material.clock(known.onset.since) if known.onset is not None else "then"


def _itself(material: Material, own: Finding) -> Proposal:
    """The finding is of the training data, and what it measures is the fault."""
    where = f" in {name_slice(own.slice)}" if own.slice else ""
    return Proposal(
        kind="training_data",
        object=own.subject or own.table,
        place=own.slice,
        since=own.window_start,
        title=f"Training data `{own.table}` is faulty{where}",
        sentence=f"What the model is trained on is faulty{where}: {own.title}",
        where=Answer(question="where", holds=True, words="it lies in the slice of the finding"),
        how_much=Answer(question="how_much", holds=True, words="the finding is of the training data itself"),
        table=own.table,
    )


TRAINING_DATA = CandidateKind("training_data", _propose, 1, "a training without the segment")
