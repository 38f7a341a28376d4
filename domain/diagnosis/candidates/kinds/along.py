"""
Follows a slice along the way of its rows, by counts alone: in the tables that the finding's table is made
from, and in those made from it.

    recommended  as usual          recommended  as usual
    shown        none of them      shown        none of them
    read         as usual          read         none of them
    → shown, and not logged        → never shown
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from domain.diagnosis.candidates.candidate import Proposal
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.onset import alarm_of
from domain.values import Answer, name_slice

LEAST_LOST = 0.3  # of the finding's rows: of a smaller loss, counts elsewhere say too little
NONE_LEFT = 0.9  # of those rows lost, from which on an item is kept out, not merely ranked lower
THIRD, HALF = 1 / 3, 0.5  # of that loss: up to a third a table is whole, from a half on it has it, too
SURELY = 5.0  # standard deviations of a count, between what is there and what the same loss would leave


@dataclass(frozen=True)
class _Along:
    """Another table's rows of the slice."""

    table: str
    observed: float
    expected: float

    def whole(self, lost: float) -> bool:
        """Whether it clearly does not lack as many."""
        without = self.expected * (1 - lost)
        surely = self.observed - without > SURELY * max(self.expected, 1.0) ** 0.5
        return surely and self.observed >= self.expected * (1 - THIRD * lost)

    def lacks(self, lost: float) -> bool:
        """Whether it lacks about as many."""
        return self.expected > 0 and self.observed <= self.expected * (1 - HALF * lost)

    @property
    def words(self) -> str:
        """Its counts."""
        return f"`{self.table}` has {self.observed:,.0f} of {self.expected:,.0f} rows there"


def not_logged(material: Material, known: Known) -> Iterator[Proposal]:
    """
    Rows that must have existed, because what is made from them does. Not proposed where rows can be compared
    one by one, which says more, or where the rows came under an earlier time.
    """
    lost, _above, below = _along(material)
    row_by_row = {pair.table for pair in material.pairs}
    whole = next((one for one in below if one.whole(lost) and one.table not in row_by_row), None)
    if whole is None or lost < LEAST_LOST or _came_early(material, known):
        return
    finding, since = material.finding, known.begun(material.finding)
    table, where, when = finding.table, name_slice(finding.slice), material.clock(since)
    yield Proposal(
        kind="logging",
        object=table,
        place=finding.slice,
        since=since,
        title=f"`{table}` no longer logs {where} since {when}",
        sentence=f"`{table}` lacks {100 * lost:.0f} % of the rows of {where} since {when}; "
        f"{whole.words}, and is made from it: they were served, and not logged",
        where=_there(),
        how_much=Answer(question="how_much", holds=True, words=whole.words),
        table=table,
    )


def not_shown(material: Material, known: Known) -> Iterator[Proposal]:
    """Items of a kind that come up as usual and go no further: none is shown, and nothing comes of them."""
    lost, above, below = _along(material)
    of_items = tuple(pair for pair in material.finding.slice if pair[0] in material.features)
    whole = next((one for one in above if one.whole(lost)), None)
    if not of_items or lost < NONE_LEFT or whole is None or not all(one.lacks(lost) for one in below):
        return
    finding, since = material.finding, known.begun(material.finding)
    rest = tuple(pair for pair in finding.slice if pair not in of_items)
    at = f" where {name_slice(rest)}" if rest else ""
    title = f"{name_slice(of_items)} is kept out of `{finding.table}`{at} since {material.clock(since)}"
    yield Proposal(
        kind="filter",
        object=None,
        place=finding.slice,
        since=since,
        title=title,
        sentence=f"{title}; {whole.words}, as usual",
        where=_there(),
        how_much=Answer(question="how_much", holds=True, words=whole.words),
        table=finding.table,
    )


def _along(material: Material) -> tuple[float, list[_Along], list[_Along]]:
    """
    The share of rows that the finding lacks; the tables it is made from and those made from it whose rows
    each name a member and an item: the rows of a stock feed, say, are not shown to anybody.
    """
    finding, lineage = material.finding, material.lineage
    of_rows = finding.unit == "rows" and finding.subject is None and bool(finding.slice)
    tables = material.of_members if of_rows and finding.table in material.of_members else frozenset[str]()
    others = [_Along(*one) for one in material.beside if one[0] in tables]
    above = [one for one in others if one.table in lineage.above(finding.table)]
    below = [one for one in others if finding.table in lineage.above(one.table)]
    return -alarm_of(finding), above, below


def _came_early(material: Material, known: Known) -> bool:
    """Whether the equally long time before it began has a surplus of about as many rows as are lacking."""
    series, begun = material.series, pd.Timestamp(known.begun(material.finding))
    if series is None or series.empty:
        return False
    off = (series["observed"] - series["expected"]).to_numpy(float)
    since = (series["window_start"] >= begun).to_numpy(bool)
    lacking, before = -float(off[since].sum()), off[~since]
    return lacking > 0 and float(before[-int(since.sum()) :].sum()) >= HALF * lacking


def _there() -> Answer:
    return Answer(question="where", holds=True, words="it lies where the finding lies")
