"""A value that goes by another name: its rows are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pandas as pd

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.undone import Undone, rows_undone
from domain.diagnosis.changes.renamed import Renamed, renamed, renamed_items
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer

MOSTLY = 0.8  # share of a value's rows, from which on it is simply said to be renamed


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    proposed = set[tuple[str, str]]()
    for one in _of_items(material):
        proposed.add((one.dimension, one.old))
        yield _by_items(material, known, one)
    cells = material.cells
    if cells is None or cells.empty:
        return
    plain = [name for name in material.dimensions if name not in material.exploded]
    for one in renamed(cells, plain):
        if (one.dimension, one.old) not in proposed:
            yield _by_volume(material, known, one)


def _of_items(material: Material) -> tuple[Renamed, ...]:
    taken = material.snapshots
    if taken is None:
        return ()
    return renamed_items(taken.before, taken.after, material.key, material.features)


def _by_items(material: Material, known: Known, one: Renamed) -> Proposal:
    """The items that had one name have had the other since a delivery."""
    taken = material.snapshots
    at = taken.delivered_at if taken is not None else None
    when = f" since the delivery at {material.clock(at)}" if at is not None else ""
    how = f"{one.gained:,.0f} of {one.lost:,.0f} {material.noun} have the new name"
    proposal = _named(material, known, one, at, when, how)
    if not {(one.dimension, one.old), (one.dimension, one.new)} & set(material.finding.slice):
        return proposal
    # rows leave the old name, whatever else loses rows because of it
    words = f"the finding is of {one.old} or {one.new}"
    return replace(
        proposal,
        where=Answer(question="where", holds=True, words=words),
        how_much=Answer(question="how_much", holds=True, words=words),
    )


def _by_volume(material: Material, known: Known, one: Renamed) -> Proposal:
    """As many rows appeared under one name as vanished under the other."""
    since = known.onset.since if known.onset is not None else None
    when = f" since {material.clock(since)}" if since is not None else ""
    how = f"{one.lost:,.0f} rows vanished from the one and {one.gained:,.0f} appeared in the other"
    how += "; none is lost" if one.share >= MOSTLY else ", which chance alone may set apart"
    return replace(_named(material, known, one, since, when, how), table=material.finding.table)


def _named(
    material: Material, known: Known, one: Renamed, since: datetime | None, when: str, how: str
) -> Proposal:
    part = "" if one.share >= MOSTLY else f" in {100 * one.share:.0f} % of its rows"
    title, cells = f"`{one.dimension}` {one.old} is called {one.new}{part}{when}", material.cells
    counted = cells is not None and not cells.empty and one.dimension in material.dimensions
    return Proposal(
        kind="renaming",
        object=one.dimension,
        place=((one.dimension, one.old),),
        since=since,
        title=title,
        sentence=f"{title}: {how}",
        undone=_put_back(material, known, cells, one) if cells is not None and counted else None,
        feature=one.dimension if one.dimension in material.features else None,
        value=one.old,
    )


def _put_back(material: Material, known: Known, cells: pd.DataFrame, one: Renamed) -> Undone:
    """The rows under their old name."""
    new = cells[cells[one.dimension].astype("string") == one.new]
    names = list(material.dimensions)
    away = new[names].assign(rows=-new["observed"].to_numpy(float))
    back = new[names].assign(rows=new["observed"].to_numpy(float), **{one.dimension: one.old})
    # The finding may be about the new name: then its rows do not belong there.
    symptom = symptom_of(material, known)
    return rows_undone(cells, names, symptom, pd.concat([away, back], ignore_index=True))


RENAMING = CandidateKind(
    "renaming", _propose, 1, "a list of the values that a column may have, held against it"
)
