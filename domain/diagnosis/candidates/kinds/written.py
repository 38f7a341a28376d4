"""
Rows that a program did not write: a batch that came with as many each time, and now lacks some of them.

No demand wrote its rows, so what is lacking there was not written, and is lacking in everything made from it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from domain.diagnosis.candidates.candidate import Proposal
from domain.diagnosis.candidates.judge import LITTLE, verdict_on
from domain.diagnosis.changes.evenly import evenly
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material, Written
from domain.values import Answer, Slice, name_slice

LOST = 0.1  # share of the rows, from which on the loss is worth naming
HOLDS = 0.9  # share of all lost rows, above which a slice describes them better

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lost:
    """A slice that is written evenly: its rows in the windows `before`, and in the last one."""

    place: Slice
    before: Floats
    now: float

    @property
    def rows(self) -> float:
        """How many fewer than usual."""
        return float(self.before.mean()) - self.now

    @property
    def share(self) -> float:
        """Share of the usual rows that is lost, 0 to 1."""
        return self.rows / float(self.before.mean())


def by_program(material: Material, known: Known) -> bool:
    """Whether the finding's own table, or its slice, was written evenly before."""
    finding = material.finding
    own = next((one for one in material.written if one.table == finding.table), None)
    if own is None:
        return False
    counts, before = _by_window(own), _before(own, known.begun(finding))
    mine = counts.get(finding.slice, counts.get(()))
    return mine is not None and evenly(mine[:before], _span(own, before))


def not_written(material: Material, known: Known, besides: Container[str | None] = ()) -> Iterator[Proposal]:
    """What the last windows of the finding's table and its sources lack, except for tables in `besides`."""
    for written in material.written:
        lost = _lost(written, known.begun(material.finding))
        if lost is not None and written.table not in besides:
            yield _proposal(material, known, written, lost)


def _by_window(written: Written) -> dict[Slice, Floats]:
    """Slice → (n_windows,) rows; the whole table is the slice without dimensions."""
    windows, found = len(written.edges) - 1, dict[Slice, Floats]()
    columns = (written.counts[name] for name in ("window", "dim1", "val1", "dim2", "val2", "rows"))
    for window, dim1, val1, dim2, val2, rows in zip(*columns, strict=True):
        pairs = ((dim1, val1), (dim2, val2))
        where = tuple(sorted((str(dim), str(val)) for dim, val in pairs if isinstance(dim, str)))
        found.setdefault(where, np.zeros(windows))[int(window)] = float(rows)
    return found


def _before(written: Written, begun: datetime) -> int:
    """How many windows end before it began."""
    return sum(edge <= begun for edge in written.edges[1:])


def _span(written: Written, before: int) -> timedelta:
    return written.edges[before] - written.edges[0]


def _lost(written: Written, begun: datetime) -> Lost | None:
    """The narrowest slice that holds what is lost; None where that is little, or none is written evenly."""
    before = _before(written, begun)
    lost = [
        Lost(where, counts[:before], float(counts[-1]))
        for where, counts in _by_window(written).items()
        if before < len(counts) and evenly(counts[:before], _span(written, before))
    ]
    lost = [one for one in lost if one.share >= LOST]
    most = max(lost, key=lambda one: one.rows, default=None)
    if most is None:
        return None
    return min(
        (one for one in lost if one.rows >= HOLDS * most.rows),
        key=lambda one: (float(one.before.mean()), len(one.place)),
    )


def _proposal(material: Material, known: Known, written: Written, lost: Lost) -> Proposal:
    table, since = written.table, known.begun(material.finding)
    fewer = f"{100 * lost.share:.0f} % fewer rows" if lost.share < 1 else "no rows"
    of = f" of {name_slice(lost.place)}" if lost.place else ""
    title = f"`{table}` was written with {fewer}{of}"
    low, high = f"{lost.before.min():,.0f}", f"{lost.before.max():,.0f}"
    had = f"each of {len(lost.before)} windows had {low if low == high else f'{low} to {high}'}"
    return Proposal(
        kind="feed",
        object=table,
        place=lost.place,
        since=since,
        title=title,
        sentence=f"{title}: {lost.now:,.0f}; before, {had}, as a program writes them and no demand does",
        where=_where(material, lost.place),
        how_much=_how_much(material, lost),
        table=table,
    )


def _where(material: Material, place: Slice) -> Answer:
    """Whether the finding lies within what was not written; else how much of what it lacks lies there."""
    own = material.finding.slice
    if set(place) <= set(own):
        return Answer(question="where", holds=True, words="it lies where the finding lies")
    here, all_of_it = _lacking(material, {*place, *own}), _lacking(material, set(own))
    if here is None or all_of_it is None or all_of_it[0] <= 0:
        return Answer(question="where", words="how much of the finding lies there was not counted")
    share = here[0] / all_of_it[0]
    words = f"{100 * share:.0f} % of what is lacking lies there"
    return Answer(question="where", holds=verdict_on(share), share=round(min(share, 1.0), 4), words=words)


def _how_much(material: Material, lost: Lost) -> Answer:
    """Whether the finding's table lacks rows there, too: it need not show everything that is written."""
    table, lacking = material.finding.table, _lacking(material, {*lost.place, *material.finding.slice})
    if lacking is None:
        return Answer(question="how_much", words=f"rows of `{table}` were not counted there")
    share = lacking[0] / max(lacking[1], 1.0)
    words = f"`{table}` lacks {100 * share:.0f} % of its rows there"
    return Answer(question="how_much", holds=share >= LITTLE * lost.share, words=words)


def _lacking(material: Material, where: set[tuple[str, str]]) -> tuple[float, float] | None:
    """Rows that the finding's table lacks there, and those expected; None where it was not counted so."""
    cells = material.cells
    if cells is None or cells.empty or not {name for name, _ in where} <= set(cells.columns):
        return None
    there = np.ones(len(cells), dtype=bool)
    for name, value in where:
        there &= (cells[name] == value).to_numpy()
    expected, observed = (float(cells.loc[there, one].sum()) for one in ("expected", "observed"))
    return expected - observed, expected
