"""
Which segment of the training data is off: the rows of the newest training compared with earlier ones.

How many rows a training takes depends on how much happened; what they are made up of does not. A segment with
many times its usual rows, or hardly any, while the others have about as many as always, was learned
differently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from domain.diagnosis.changes.trained.cells import (
    Cells,
    Floats,
    Found,
    best_of,
    binomial_gain,
    every_way,
    scatter,
    sure,
)
from domain.diagnosis.material import TrainingRows
from domain.values import Slice, name_slice

FACTOR = 2.0  # of the usual odds, up or down, from which on a segment is off and not merely busier
MATTERS = 0.02  # share of the rows that are too many or too few: with less, the training learns the same


@dataclass(frozen=True)
class Segment:
    """
    A slice of the training data; `rows` of it were taken where `usual` are, for as many of all others.

    `gain` is the log likelihood ratio that speaks for it.
    """

    slice: Slice
    rows: float
    usual: float
    gain: float = 0.0

    @property
    def lacking(self) -> bool:
        """Whether its rows are too few rather than too many."""
        return self.rows < self.usual

    @property
    def words(self) -> str:
        """
        >>> Segment((("device", "tv"),), 600.0, 100.0).words
        '6.0 times as many rows of device = tv as usual (600 where 100 were)'
        """
        where = name_slice(self.slice)
        counted = f"({self.rows:,.0f} where {self.usual:,.0f} were)"
        if self.rows <= 0:
            return f"no rows of {where} {counted}"
        if self.lacking:
            return f"{100 * (1 - self.rows / self.usual):.0f} % fewer rows of {where} than usual {counted}"
        if self.usual < 1:
            return f"rows of {where}, where there usually are none {counted}"
        return f"{self.rows / self.usual:.1f} times as many rows of {where} as usual {counted}"


def segment_off(taken: TrainingRows) -> Segment | None:
    """
    The segment whose share of the newest training is furthest from its share of those before; null where none
    is off by a factor of two and by more than trainings differ.
    """
    best = best_of(found for cells in every_way(taken) for found in _segments(cells))
    if best is None:
        return None
    usual = _usual(best.cells)
    return Segment(best.slice, float(best.cells.rows[0, best.at]), float(usual[best.at]), best.gain)


def _scatter(cells: Cells) -> float:
    past = cells.rows[1:]
    expected = past.sum(axis=1, keepdims=True) * (past.sum(axis=0) / max(past.sum(), 1.0))
    return scatter(past, expected, expected)


def _usual(cells: Cells) -> Floats:
    """(n_values,) rows that the newest training would have of a segment, for as many as it has of others."""
    now, past = cells.rows[0], cells.rows[1:].sum(axis=0)
    others, others_past = now.sum() - now, past.sum() - past
    usual = np.divide(past * others, others_past, out=np.zeros_like(past), where=others_past > 0)
    return np.asarray(usual)


def _segments(cells: Cells) -> Iterator[Found]:
    now, past = cells.rows[0], cells.rows[1:].sum(axis=0)
    others, others_past, usual = now.sum() - now, past.sum() - past, _usual(cells)
    gain = binomial_gain(now, float(now.sum()), past, float(past.sum()))
    odds = np.abs(np.log((now + 0.5) / (usual + 0.5)))
    matters = np.abs(now - usual) >= MATTERS * np.maximum(now.sum(), others + usual)
    own, theirs = (_moved(a, b, len(cells.rows) - 1) for a, b in ((now, past), (others, others_past)))
    # of two halves one gains what the other seems to lose: take the one whose own rows changed
    off = (others_past > 0) & (others > 0) & (odds >= np.log(FACTOR)) & matters & (own > theirs)
    off &= sure(gain, _scatter(cells), usual)
    for at in sorted(map(int, np.flatnonzero(off)), key=lambda one: -float(gain[one])):
        yield Found(cells, at, float(gain[at]))


def _moved(now: Floats, past: Floats, trainings: int) -> Floats:
    """How far rows are from those of a training before, in logarithms, up or down."""
    return np.asarray(np.abs(np.log((now + 0.5) / (past / trainings + 0.5))))
