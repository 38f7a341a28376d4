"""
Which segment of the training data is off: the rows of the newest training beside those of trainings before.

How many rows a training takes is a matter of how much happened; what they are made up of is not. A segment
of which it took many times as much as usual, or hardly anything, while it took of the others about what it
always does, was learned otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.material import TrainingRows
from domain.diagnosis.place import FINER, LEAST_GAIN
from domain.values import Slice, name_slice

Floats = npt.NDArray[np.float64]

LEAST_BEFORE = 2  # trainings before, without which nobody knows how much they differ
FACTOR = 2.0  # of the usual odds, up or down, from which on a segment is off and not merely busier
MATTERS = 0.05  # of the rows, that are too many or too few: a training with less is learned alike
WAYS = 2


@dataclass(frozen=True)
class Segment:
    """A slice of the training data; `rows` of it were taken where `usual` are, for as many of all others."""

    slice: Slice
    rows: float
    usual: float

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
        if self.rows < self.usual:
            return f"{100 * (1 - self.rows / self.usual):.0f} % fewer rows of {where} than usual {counted}"
        if self.usual < 1:
            return f"rows of {where}, where there usually are none {counted}"
        return f"{self.rows / self.usual:.1f} times as many rows of {where} as usual {counted}"


def segment_off(taken: TrainingRows) -> Segment | None:
    """
    The segment whose part of the newest training is furthest from its part of those before; null where none
    is off by a factor of two and beyond how much trainings differ.

    Source:
        The likelihood of two binomial rates against one: Kulldorff (1997), Comm. Stat. 26(6); over-dispersion
        as in McCullagh & Nelder (1989), 4.5.
    """
    counts = taken.counts
    if counts.empty or counts["training"].max() < LEAST_BEFORE or not (counts["training"] == 0).any():
        return None
    tables = [_Table.of(counts, names) for names in _ways(taken.dimensions)]
    phi = max([1.0, *(one.dispersion() for one in tables if one.ways == 1)])
    best: tuple[float, Segment] | None = None
    for table in tables:
        found = max(table.segments(), key=lambda one: one[0], default=None)
        if found is None or found[0] < LEAST_GAIN * phi:
            continue
        if best is None or found[0] > best[0] * (1 + FINER * (table.ways > 1)):
            best = found
    return best[1] if best is not None else None


def _ways(dimensions: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for count in range(1, min(WAYS, len(dimensions)) + 1):
        yield from combinations(dimensions, count)


@dataclass(frozen=True)
class _Table:
    """(n_trainings, n_values) rows by one or two dimensions, the newest training first."""

    names: tuple[str, ...]
    values: list[tuple[str, ...]]
    rows: Floats

    @classmethod
    def of(cls, counts: pd.DataFrame, names: tuple[str, ...]) -> _Table:
        sums = counts.groupby(["training", *names])["rows"].sum().unstack("training", fill_value=0)
        values = [one if isinstance(one, tuple) else (one,) for one in sums.index]
        return cls(names, values, sums.sort_index(axis=1).to_numpy(np.float64).T)

    @property
    def ways(self) -> int:
        return len(self.names)

    def dispersion(self) -> float:
        """How much more the parts scatter from training to training, before the newest, than by chance."""
        past = self.rows[1:]
        sizes, part = past.sum(axis=1, keepdims=True), past.sum(axis=0) / max(past.sum(), 1.0)
        expected = sizes * part
        freedom = (len(past) - 1) * (int((part > 0).sum()) - 1)
        squares = np.divide((past - expected) ** 2, expected, out=np.zeros_like(past), where=expected > 0)
        return float(squares.sum() / freedom) if freedom > 0 else 1.0

    def segments(self) -> Iterator[tuple[float, Segment]]:
        """Those that are off, each with the log likelihood ratio that speaks for it."""
        now, past = self.rows[0], self.rows[1:].sum(axis=0)
        others, others_past = now.sum() - now, past.sum() - past
        usual = np.divide(past * others, others_past, out=np.zeros_like(past), where=others_past > 0)
        gain = _gain(now, now.sum(), past, past.sum())
        odds = np.abs(np.log((now + 0.5) / (usual + 0.5)))
        matters = np.abs(now - usual) >= MATTERS * np.maximum(now.sum(), others + usual)
        own, theirs = (_moved(a, b, len(self.rows) - 1) for a, b in ((now, past), (others, others_past)))
        # of two halves one gains what the other seems to lose: the one whose own rows changed
        found = (others_past > 0) & (others > 0) & (odds >= np.log(FACTOR)) & matters & (own > theirs)
        for at in map(int, np.flatnonzero(found)):
            where = tuple(sorted(zip(self.names, map(str, self.values[at]), strict=True)))
            yield float(gain[at]), Segment(where, float(now[at]), float(usual[at]))


def _moved(now: Floats, past: Floats, trainings: int) -> Floats:
    """How far rows are from those of a training before, in logarithms, up or down."""
    return np.asarray(np.abs(np.log((now + 0.5) / (past / trainings + 0.5))))


def _gain(now: Floats, size: float, past: Floats, size_past: float) -> Floats:
    """Log likelihood of a part of its own now and before, against one part for both."""

    def fit(count: Floats, of: float) -> Floats:
        rate = count / max(of, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(count * np.log(rate)) + np.nan_to_num((of - count) * np.log1p(-rate))

    return np.asarray(fit(now, size) + fit(past, size_past) - fit(now + past, size + size_past))
