"""Puts a feature back in logged requests and ranks them again; and answers for findings about that column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.judge import MOST
from domain.diagnosis.candidates.plays import or_plays
from domain.diagnosis.candidates.undone import Undone
from domain.diagnosis.changes.departed import Departed
from domain.diagnosis.changes.stale import Stale
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.scene import Scene
from domain.values import Answer, Slice, name_slice


def put(held: pd.Series, where: Any, should: Any) -> pd.Series:
    """The feature, corrected `where` it is wrong; numbers or texts, as it is."""
    return held.where(~np.asarray(where, dtype=bool), pd.Series(should, index=held.index))


def restored(scene: Scene, departed: Iterable[Departed | Stale]) -> pd.DataFrame:
    """The model's input since the onset, each of these features as it should be where it departed."""
    fixed = scene.now.rows[list(scene.now.columns.features)].copy()
    for one in departed:
        fixed[one.feature] = put(fixed[one.feature], one.hit, one.should)
    return fixed


def ranked_again(
    material: Material,
    known: Known,
    scene: Scene,
    fixed: pd.DataFrame,
    labels: tuple[str, pd.Series] | None = None,
) -> Undone:
    """What would be measured with this input, and with candidates in other slices, (name, (rows,) labels)."""
    scores, symptom = scene.now.scores(fixed), symptom_of(material, known)
    if labels is not None:
        return scene.undone_with(*labels, symptom, material.finding.item, scores)
    found = scene.undone(symptom, material.finding.item, scores)
    return or_plays(scene, material, found, scores)


def itself(material: Material, feature: str) -> Answer | None:
    """A finding about this very column is no symptom of something else: what it measures is the fault."""
    if not material.finding.is_of(feature):
        return None
    words = f"the finding is of `{feature}` itself"
    return Answer(question="how_much", holds=True, words=words)


def same_place(material: Material, feature: str, place: Slice) -> Answer | None:
    """A finding about this very column lies within its fault's slice, or holds it."""
    own = set(material.finding.slice)
    if not material.finding.is_of(feature):
        return None
    if own <= set(place):
        return Answer(question="where", holds=True, words="it lies where the finding lies")
    words = f"it lies in {name_slice(place)}, the finding in {name_slice(material.finding.slice)}"
    # what is wrong everywhere, a check finds everywhere
    return Answer(question="where", holds=None if set(place) <= own else False, words=words)


def input_alone(material: Material, place: Slice) -> Answer | None:
    """
    Answers "how much" for the only input that differs in `place`, where nobody knows what it should be in
    each row, so that nothing can be ranked again: what the models make of the input before and now shows it.
    """
    split, own = material.two_by_two, material.finding
    if split is None or split.where != own.slice or not set(place) <= set(own.slice) or not own.change:
        return None
    moved = split.leading
    alike = (split.now - split.before) * own.change > 0
    if not alike or moved is None or moved.name != "input" or (moved.share_low or 0.0) <= MOST:
        return None
    words = f"the input alone changes the {split.unit} there, and no other input is another"
    return Answer(question="how_much", holds=True, words=words)


def lies_there(material: Material, place: Slice) -> Answer:
    """Where the symptom lies; for a wider place, the effect on the rest is not known."""
    if set(place) == set(material.finding.slice):
        return Answer(question="where", holds=True, words="it lies where the symptom lies, and nowhere else")
    return Answer(question="where", words="what it does to other slices is not known")
