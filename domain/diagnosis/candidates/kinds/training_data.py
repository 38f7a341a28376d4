"""Faulty training data: a table that a model learned from is off, and the model learned that."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.diagnosis.candidates.candidate import CandidateKind, Named, Proposal
from domain.diagnosis.changes.other_model import other_model
from domain.diagnosis.changes.trained.labels import Symptom, labels_off
from domain.diagnosis.changes.trained.segment import segment_off
from domain.diagnosis.changes.trained.whole import whole_off
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material, OtherFinding
from domain.values import Answer, Finding, Slice, name_slice


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    learned = frozenset[str]().union(*material.lineage.learned_from.values())
    own = material.finding
    if own.table in learned:
        if own.unit != "rows":  # the number of rows depends on how much was watched
            yield _itself(material, own)
        return
    taught = material.lineage.taught(own.table)
    wrong = [
        *_segments(material, taught, Symptom(own.slice, own.change)),
        *(_Wrong.seen(one) for one in material.others if one.table in taught),
    ]
    found = other_model(material, known) if wrong else None
    for one in wrong:
        # what a training took is no fault while the former model still ranks
        if one.counted and (found is None or found.now is None):
            continue
        yield Proposal(
            kind="training_data",
            object=one.table,
            place=one.place,
            since=one.since,
            title=f"The model was trained on faulty data: {one.words}",
            sentence=f"The model that ranks since {_when(material, known)} learned from `{one.table}`, where "
            f"{name_slice(one.place)} is off: {one.words}",
            acts_in=found.place if found is not None else None,  # where the model that learned it ranks
            undone=found.undone if found is not None else None,
            unknown="no other model ranks since the onset" if found is None else found.unknown,
            where=found.where if found is not None else None,
            table=one.table,
            items=known.concerned,
            lacking=one.lacking,
        )


@dataclass(frozen=True)
class _Wrong:
    """
    What is off in a table that was learned from; `counted` if its rows show it rather than a check, `lacking`
    if it is that rows of the place are missing.
    """

    table: str
    place: Slice
    since: datetime
    words: str
    counted: bool
    lacking: bool = False

    @classmethod
    def seen(cls, one: OtherFinding) -> _Wrong:
        return cls(one.table, one.slice, one.since, one.title, counted=False)


def _segments(
    material: Material, tables: Collection[str], symptom: Symptom | None = None
) -> Iterator[_Wrong]:
    """The segment of each table whose rows or labels in the newest training are unlike earlier ones."""
    for one in material.training_rows:
        if one.table not in tables:
            continue
        found = [off for off in (segment_off(one), labels_off(one, symptom)) if off is not None]
        if off := max(found, key=lambda each: each.gain, default=None):
            words = f"`{one.table}` has {off.words}"
            yield _Wrong(one.table, off.slice, one.at, words, counted=True, lacking=off.lacking)


def _when(material: Material, known: Known) -> str:
    return material.clock(known.onset.since) if known.onset is not None else "then"


def _itself(material: Material, own: Finding) -> Proposal:
    """What the finding measures is the fault: in the segment of the table that is off, or in its slice."""
    segments = list(_segments(material, (own.table,)))
    place, what = (segments[0].place, segments[0].words) if segments else (own.slice, own.title)
    lacking = bool(segments) and segments[0].lacking
    sure = bool(segments) or not material.benign
    words = (
        "the finding is of the training data itself"
        if sure
        else "a distribution that changed may be no fault"
    )
    where = f" in {name_slice(place)}" if place else ""
    return Proposal(
        kind="training_data",
        object=own.table,
        place=place,
        since=own.window_start,
        title=f"Training data `{own.table}` is faulty{where}",
        sentence=f"What the model is trained on is faulty{where}: {what}",
        where=Answer(question="where", holds=True, words="it lies in the slice of the finding"),
        how_much=Answer(question="how_much", holds=True if sure else None, words=words),
        table=own.table,
        lacking=lacking,
    )


def _of_the_run(material: Material, _known: Known) -> Named | None:
    """What differed in the input of a training that turned out differently: in a segment, else in all."""
    tables = [one.table for one in material.training_rows]
    found = [*_segments(material, tables), *_wholes(material)]
    if not found:
        return None
    wrong = found[0]
    sentence = f"{material.finding.title}; {wrong.words}"
    return Named(wrong.table, wrong.place, sentence, wrong.table, lacking=wrong.lacking)


def _wholes(material: Material) -> Iterator[_Wrong]:
    for one in material.training_rows:
        if off := whole_off(one):
            yield _Wrong(one.table, (), one.at, f"it learned from `{one.table}`: {off.words}", counted=True)


TRAINING_DATA = CandidateKind("training_data", _propose, 1, "a training without the segment", _of_the_run)
