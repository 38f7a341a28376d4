"""A value that goes by another name: its rows are there."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.undone import Undone, rows_undone
from domain.diagnosis.changes.renamed import Renamed, renamed
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    cells = material.cells
    if cells is None or cells.empty:
        return
    plain = [name for name in material.dimensions if name not in material.exploded]
    for one in renamed(cells, plain):
        since = known.onset.since if known.onset is not None else None
        when = f" since {material.clock(since)}" if since is not None else ""
        yield Proposal(
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
