"""A value that goes by another name: its rows are there."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.undone import Undone, rows_undone
from domain.diagnosis.changes.renamed import Renamed, renamed, renamed_items
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    told = set[tuple[str, str]]()
    for one in _of_items(material):
        told.add((one.dimension, one.old))
        yield _delivered(material, known, one)
    cells = material.cells
    if cells is None or cells.empty:
        return
    plain = [name for name in material.dimensions if name not in material.exploded]
    for one in renamed(cells, plain):
        if (one.dimension, one.old) not in told:
            yield _counted(material, known, cells, one)


def _of_items(material: Material) -> tuple[Renamed, ...]:
    taken = material.snapshots
    if taken is None:
        return ()
    return renamed_items(taken.before, taken.after, material.key, material.features)


def _delivered(material: Material, known: Known, one: Renamed) -> Proposal:
    """By the items: those that were the one are the other since a delivery."""
    taken, cells = material.snapshots, material.cells
    at = taken.delivered_at if taken is not None else None
    title = f"`{one.dimension}` {one.old} is called {one.new}"
    when = f" since the delivery at {material.clock(at)}" if at is not None else ""
    own = _of_the_name(material, one)
    counted = cells is not None and not cells.empty and one.dimension in material.dimensions
    return Proposal(
        kind="renaming",
        object=one.dimension,
        place=((one.dimension, one.old),),
        since=at,
        title=f"{title}{when}",
        sentence=f"{title}{when}: {one.gained:,.0f} of the {one.lost:,.0f} {material.noun} that were the one "
        "are the other, and none is the one any more",
        undone=_put_back(material, known, cells, one) if cells is not None and counted else None,
        where=Answer(question="where", holds=True, words=own) if own else None,
        how_much=Answer(question="how_much", holds=True, words=own) if own else None,
        feature=one.dimension,
        value=one.old,
    )


def _of_the_name(material: Material, one: Renamed) -> str:
    """Words where the finding is of one of both names: of the old one no row can be left, whoever loses."""
    names = {(one.dimension, one.old), (one.dimension, one.new)}
    return f"the finding is of {one.old} or {one.new}" if names & set(material.finding.slice) else ""


def _counted(material: Material, known: Known, cells: pd.DataFrame, one: Renamed) -> Proposal:
    """By as many rows that vanished and appeared."""
    since = known.onset.since if known.onset is not None else None
    when = f" since {material.clock(since)}" if since is not None else ""
    return Proposal(
        kind="renaming",
        object=one.dimension,
        place=((one.dimension, one.old),),
        since=since,
        title=f"`{one.dimension}` {one.old} is called {one.new}{when}",
        sentence=f"`{one.dimension}` {one.old} is called {one.new}{when}: {one.lost:,.0f} rows vanished "
        f"from the one and {one.gained:,.0f} appeared in the other; none is lost",
        undone=_put_back(material, known, cells, one),
        table=material.finding.table,
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
