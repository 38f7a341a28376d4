"""
Whose labels are off: how often the label is set in the newest training, compared with earlier ones.

A segment whose labels were lost, inverted, or not there yet was learned as one that nobody likes, or
everybody does, with as many rows as ever. Where the labels of all rows are off alike, no segment is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy.stats import t as student

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
from domain.diagnosis.material import LABELLED, TrainingRows
from domain.diagnosis.place import LEAST_GAIN, ONE_SLICE
from domain.values import Slice, name_slice

FACTOR = 1.5  # of the usual odds, up or down, from which on labels are off and not merely better liked
MATTERS = 0.02  # share of all set labels that are too many or too few
CHANCE = 0.01  # chance of a training as far from those before it, up to which all labels together are off


@dataclass(frozen=True)
class Labels:
    """
    A slice of the training data in which the label is set at `rate` of the rows where it was at `usual`.

    `gain` is the log likelihood ratio that speaks for it.
    """

    slice: Slice
    rate: float
    usual: float
    gain: float

    @property
    def lacking(self) -> bool:
        """Its rows are there; what they are labelled is off."""
        return False

    @property
    def words(self) -> str:
        """
        >>> Labels((("device", "tv"),), 0.01, 0.2, 90.0).words
        '1.0 % of its rows of device = tv labelled, where 20.0 % usually are'
        """
        where = f" of {name_slice(self.slice)}" if self.slice else ""
        return (
            f"{100 * self.rate:.1f} % of its rows{where} labelled, where {100 * self.usual:.1f} % usually are"
        )


@dataclass(frozen=True)
class Symptom:
    """A slice that the model shows less or more of, and by how much: a `change` of −0.5 is half as much."""

    slice: Slice
    change: float


def labels_off(taken: TrainingRows, symptom: Symptom | None = None) -> Labels | None:
    """
    The segment whose label rate is furthest from that of earlier trainings, given what all others have;
    everywhere, where all are off alike; null where none is, or no label is declared.

    Args:
        symptom: what the model made of it. Its slice is not one picked out of thousands, so fewer labels are
            enough there, if they are off the same way.
    """
    ways = every_way(taken) if LABELLED in taken.counts else []
    if not ways:
        return None
    best = best_of(found for cells in ways for found in _segments(cells, symptom))
    if best is None:
        return _everywhere(ways[0])
    rates = _Rates.of(best.cells)
    return Labels(best.slice, float(rates.now[best.at]), float(rates.usual[best.at]), best.gain)


@dataclass(frozen=True)
class _Rates:
    """(n_values,) of labels set now, and as usual there for what all other segments have now."""

    now: Floats
    usual: Floats

    @classmethod
    def of(cls, cells: Cells) -> _Rates:
        rows, labelled = cells.rows, cells.labelled
        past_rows, past = rows[1:].sum(axis=0), labelled[1:].sum(axis=0)
        others = _odds(labelled[0].sum() - labelled[0], rows[0].sum() - rows[0])
        others_past = _odds(past.sum() - past, past_rows.sum() - past_rows)
        odds = _odds(past, past_rows) * others / others_past
        now = (labelled[0] + 0.5) / (rows[0] + 1.0)
        return cls(np.asarray(now), np.asarray(odds / (1 + odds)))


def _odds(labelled: Floats, rows: Floats) -> Floats:
    return np.asarray((labelled + 0.5) / (rows - labelled + 0.5))


def _scatter(cells: Cells) -> float:
    rows, past = cells.rows[1:], cells.labelled[1:]
    rate = past.sum(axis=0) / np.maximum(rows.sum(axis=0), 1.0)
    level = past.sum(axis=1, keepdims=True) / np.maximum((rows * rate).sum(axis=1, keepdims=True), 1.0)
    chance = np.clip(rate * level, 0.0, 1.0)
    return scatter(past, rows * chance, rows * chance * (1 - chance))


def _segments(cells: Cells, symptom: Symptom | None) -> Iterator[Found]:
    rates, rows = _Rates.of(cells), cells.rows[0]
    past = cells.rows[1:].sum(axis=0)
    gain = binomial_gain(rates.now * rows, rows, rates.usual * past, past)
    apart = np.abs(np.log(_odds(rates.now * rows, rows) / _odds(rates.usual * rows, rows)))
    most = max(float(cells.labelled[0].sum()), float((rates.usual * rows).sum()))
    matters = np.abs(rates.now - rates.usual) * rows >= MATTERS * most
    off = (apart >= log(FACTOR)) & matters & _rather_than_others(cells)
    off &= sure(gain, _scatter(cells), rates.usual * rows, _least(cells, rates, symptom))
    for at in sorted(map(int, np.flatnonzero(off)), key=lambda one: -float(gain[one])):
        yield Found(cells, at, float(gain[at]))


def _least(cells: Cells, rates: _Rates, symptom: Symptom | None) -> Floats:
    """(n_values,) gain that a segment needs: less for the one that explains the symptom."""
    least = np.full(len(cells.values), LEAST_GAIN)
    if symptom is not None:
        mine = np.array([cells.slice(at) == symptom.slice for at in range(len(least))], dtype=bool)
        least[mine & ((rates.now - rates.usual) * symptom.change > 0)] = ONE_SLICE
    return least


def _rather_than_others(cells: Cells) -> np.ndarray:
    """Of two halves, of which one gains what the other seems to lose, the one whose own rate changed."""
    rows, labelled = cells.rows[0], cells.labelled[0]
    rows_past, past = cells.rows[1:].sum(axis=0), cells.labelled[1:].sum(axis=0)
    own = np.abs(np.log(_odds(labelled, rows) / _odds(past, rows_past)))
    others = np.abs(
        np.log(
            _odds(labelled.sum() - labelled, rows.sum() - rows)
            / _odds(past.sum() - past, rows_past.sum() - rows_past)
        )
    )
    return np.asarray(own > others)


def _everywhere(cells: Cells) -> Labels | None:
    """All labels together, compared with how much their rate differs from training to training."""
    rows, labelled = cells.rows.sum(axis=1), cells.labelled.sum(axis=1)
    logits = np.log(_odds(labelled, rows))
    now, past = float(logits[0]), logits[1:]
    chance = float(1 / (labelled[0] + 0.5) + 1 / max(rows[0] - labelled[0], 0.5))
    spread = sqrt(max(float(past.var(ddof=1)) * (1 + 1 / len(past)), chance))
    apart = now - float(past.mean())
    p_value = 2 * float(student.sf(abs(apart) / spread, len(past) - 1))
    if abs(apart) < log(FACTOR) or p_value > CHANCE:
        return None
    usual = float(1 / (1 + np.exp(-past.mean())))
    return Labels((), float(labelled[0] / max(rows[0], 1.0)), usual, -log(max(p_value, 1e-300)))
