"""Rows and labels of each training by one or two dimensions, the newest training first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.material import LABELLED, TrainingRows
from domain.diagnosis.place import FINER, LEAST_GAIN
from domain.values import Slice

Floats = npt.NDArray[np.float64]

LEAST_BEFORE = 2  # trainings before, without which nobody knows how much they differ
WAYS = 2


@dataclass(frozen=True)
class Cells:
    """
    Segments by `names`, one of `values` each.

    `rows` is (n_trainings, n_values), and so is `labelled`, how many of them have the label set; 0 where no
    column is declared as the label.
    """

    names: tuple[str, ...]
    values: list[tuple[str, ...]]
    rows: Floats
    labelled: Floats

    @classmethod
    def of(cls, counts: pd.DataFrame, names: tuple[str, ...]) -> Cells:
        """The counts of `TrainingRows`, summed by the named dimensions."""
        each = counts if LABELLED in counts else counts.assign(**{LABELLED: 0.0})
        sums = each.groupby(["training", *names])[["rows", LABELLED]].sum().unstack("training", fill_value=0)
        values = [one if isinstance(one, tuple) else (one,) for one in sums.index]
        rows, labelled = (sums[name].sort_index(axis=1).to_numpy(np.float64).T for name in ("rows", LABELLED))
        return cls(names, values, rows, labelled)

    @property
    def ways(self) -> int:
        """By how many dimensions."""
        return len(self.names)

    def slice(self, at: int) -> Slice:
        """The segment of a column."""
        return tuple(sorted(zip(self.names, map(str, self.values[at]), strict=True)))


@dataclass(frozen=True)
class Found:
    """A column of `cells`, and the log likelihood ratio that speaks for it."""

    cells: Cells
    at: int
    gain: float

    @property
    def slice(self) -> Slice:
        """The segment."""
        return self.cells.slice(self.at)


def every_way(taken: TrainingRows) -> list[Cells]:
    """Cells by each dimension, and by each pair of them; empty where too few trainings are known."""
    counts = taken.counts
    if counts.empty or counts["training"].max() < LEAST_BEFORE or not (counts["training"] == 0).any():
        return []
    return [Cells.of(counts, names) for names in _ways(taken.dimensions)]


def best_of(found: Iterator[Found]) -> Found | None:
    """The segment that explains most; one of two dimensions must be clearly better than one of one."""
    best: Found | None = None
    for one in found:
        finer = best is not None and one.cells.ways > best.cells.ways
        if best is None or one.gain > best.gain * (1 + FINER * finer):
            best = one
    return best


def binomial_gain(hits: Floats, of: Floats | float, hits_past: Floats, of_past: Floats | float) -> Floats:
    """
    Log likelihood of separate rates now and before, against one rate for both.

    Source:
        Kulldorff (1997), Comm. Stat. 26(6).
    """

    def fit(count: Floats, size: Floats | float) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.clip(count / np.maximum(size, 1.0), 0.0, 1.0)
            return np.asarray(
                np.nan_to_num(count * np.log(rate)) + np.nan_to_num((size - count) * np.log1p(-rate))
            )

    apart = fit(hits, of) + fit(hits_past, of_past)
    return np.asarray(apart - fit(hits + hits_past, np.add(of, of_past)))


def scatter(counts: Floats, expected: Floats, variance: Floats) -> float:
    """
    The share of itself, squared, by which a past count (n_trainings, n_values) differs between trainings
    beyond chance: counts scatter as `variance` + scatter · expected².

    Source:
        The negative binomial's variance, by moments: McCullagh & Nelder (1989), 6.2.3.
    """
    freedom = max(1 - 1 / len(counts), 0.5)  # they are compared with the mean of the same trainings
    beyond = ((counts - expected) ** 2 / freedom - variance).sum()
    return float(max(beyond, 0.0) / max((expected**2).sum(), 1.0))


def sure(
    gain: Floats, scattered: float, expected: Floats, least: Floats | float = LEAST_GAIN
) -> npt.NDArray[np.bool_]:
    """(n_values,) whether the gain exceeds what the scatter of counts of that size explains."""
    return np.asarray(gain >= least * (1.0 + scattered * expected))


def _ways(dimensions: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for count in range(1, min(WAYS, len(dimensions)) + 1):
        yield from combinations(dimensions, count)
