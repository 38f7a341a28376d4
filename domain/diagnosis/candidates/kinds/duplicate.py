"""Rows that were written more than once."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from domain.diagnosis.candidates.candidate import CandidateKind, Named, Proposal
from domain.diagnosis.candidates.counted import counts_undone
from domain.diagnosis.candidates.kinds.itself import measured_itself
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.pairing import AT
from domain.diagnosis.place import NEARLY, Placed, place_of
from domain.values import Answer, name_slice

REPEATED = 0.1  # share of a slice's rows that repeat others, from which on it is worth naming
TIMES_USUAL = 3.0  # as many repeated rows as before the onset


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    rows, begun = material.rows, known.begun(material.finding)
    if rows is None or rows.frame.empty:
        return
    repeated = rows.frame.duplicated(list(rows.keys), keep="first").to_numpy(bool)
    since = (rows.frame[AT] >= pd.Timestamp(begun)).to_numpy(bool)
    if not repeated[since].any():
        return
    now, hit = rows.frame[since].reset_index(drop=True), repeated[since]
    names = [str(name) for name in now if name not in (*rows.keys, AT)]
    placed = place_of(now, hit, names, found=material.finding.slice)
    usual = float(repeated[~since].mean()) if (~since).any() else 0.0
    if placed.purity < REPEATED or placed.purity < TIMES_USUAL * usual:
        return
    table = material.finding.table
    extra = placed.purity / max(1 - placed.purity, 1e-9)
    words = (
        f"{100 * placed.purity:.0f} % of the rows of `{table}` in {name_slice(placed.slice)} "
        f"repeat another one since {material.clock(begun)}"
    )
    yield Proposal(
        kind="duplicate",
        object=table,
        place=placed.slice,
        since=begun,
        title=f"Rows of `{table}` are written {1 + extra:.2g} times in {name_slice(placed.slice)}",
        sentence=f"{words}: same {', '.join(f'`{key}`' for key in rows.keys)} (before: {100 * usual:.1f} %)",
        undone=counts_undone(material, known, now[hit], -(1 - usual) / max(rows.covers, 1e-9)),
        where=_of_the_finding(material, placed),
        how_much=measured_itself(material, "duplicate", placed.slice),
        table=table,
    )


def _of_the_finding(material: Material, placed: Placed) -> Answer | None:
    """A finding of repeated rows lies where nearly all of them do: its own rows may be too few to show it."""
    if material.fault != "duplicate" or placed.held < NEARLY:
        return None
    words = f"{100 * placed.held:.0f} % of the repeated rows lie there"
    return Answer(question="where", holds=True, words=words)


def _itself(material: Material, _known: Known) -> Named:
    return Named(material.finding.table, table=material.finding.table)


DUPLICATE = CandidateKind("duplicate", _propose, 3, "a column that says which row is which", _itself)
