"""
A delivery that lacks a part of the items: of the catalogue, whose missing items can then no longer be ranked,
of the feed in which the finding was made, or of one that its table is made from.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from domain.diagnosis.candidates.candidate import Proposal
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.changes.delivered import sliceable
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material, Snapshots
from domain.diagnosis.place import Bools, Placed, place_of
from domain.values import Answer, name_slice

LOST = 0.3  # share of a slice's items whose loss makes a delivery short: catalogues lose some every day


def missing_part(material: Material, known: Known) -> Iterator[Proposal]:
    """For the catalogue and each feed of items: the slice whose items the last delivery lacks."""
    for taken in (material.snapshots, *material.feeds):
        if taken is not None:
            yield from _lacking(material, known, taken)


def _lacking(material: Material, known: Known, taken: Snapshots) -> Iterator[Proposal]:
    """The slice whose items are in the delivery before the last one, and not in the last."""
    old = taken.before.drop_duplicates(material.key, keep="last").reset_index(drop=True)
    lost: Bools = ~old[material.key].astype(str).isin(set(taken.after[material.key].astype(str))).to_numpy()
    if not lost.any():
        return
    placed = place_of(old, lost, [name for name in material.features if name in old and sliceable(old[name])])
    if placed.purity >= LOST:
        yield _proposal(material, known, taken, old, lost, placed)


def _proposal(
    material: Material, known: Known, taken: Snapshots, old: pd.DataFrame, lost: Bools, placed: Placed
) -> Proposal:
    gone = tuple(old.loc[lost, material.key].astype(str))
    at, noun = material.clock(taken.delivered_at), material.noun
    where = f" where {name_slice(placed.slice)}" if placed.slice else ""
    came = "catalogue delivered" if taken.table is None else taken.name
    said = f"The {came} at {at} lacks {100 * placed.purity:.0f} % of the {noun}{where}"
    # a feed lacks as many rows as were not delivered, however the others are ranked
    scene = known.scene if taken.table is None else None
    undone = None
    if scene is not None:  # the same taken from the requests of before: what is missing then is missing now
        turned = scene.turned
        mine = turned.now.rows[turned.now.columns.item].astype(str).isin(set(gone)).to_numpy(bool)
        symptom = symptom_of(material, known)
        undone = turned.undone(symptom, material.finding.item, turned.logged(), mine)
    return Proposal(
        kind="feed",
        object=taken.table or material.catalogue,
        place=placed.slice,
        since=taken.delivered_at,
        title=said,
        sentence=f"{said}: {len(gone):,} that the delivery before it had",
        undone=undone,
        where=None if scene is not None else _same_place(material, known, placed),
        how_much=None if scene is not None else _as_much(material, known, placed),
        table=taken.table or material.catalogue,
        items=gone,
        upstream=0,
    )


def _same_place(material: Material, known: Known, placed: Placed) -> Answer:
    words = f"the {material.noun} that are gone lie in {name_slice(placed.slice)}"
    return Answer(question="where", holds=_holds(placed, material, known), words=words)


def _holds(placed: Placed, material: Material, known: Known) -> bool:
    """Whether the symptom lies where the items are gone: in their slice, or everywhere if they are."""
    symptom = symptom_of(material, known)
    return set(placed.slice) <= set(symptom) and bool(placed.slice) == bool(symptom)


def _as_much(material: Material, known: Known, placed: Placed) -> Answer | None:
    """Where nothing can be ranked again: whether the items lost as large a share as the metric."""
    lacks = -material.finding.change
    if lacks <= 0 or not _holds(placed, material, known):
        return None
    share = placed.purity / lacks
    words = f"{100 * placed.purity:.0f} % of them are gone where {100 * lacks:.0f} % of the metric are"
    return Answer(question="how_much", holds=0.5 < share < 1.5, share=share, words=words)
