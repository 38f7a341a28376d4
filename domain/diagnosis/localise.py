"""Where: the fewest slices that explain a change, found by a greedy scan over the cells of the cube."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.values import Slice

SLICES = 3
LEAST_SHARE = 0.1  # of the whole change; a slice that explains less is not named
LEAST_GAIN = 8.0  # log likelihood ratio
SIMPLER = 0.9  # a slice of one dimension is preferred when it explains nine tenths as much


@dataclass(frozen=True)
class Localised:
    """One slice: counts in it, and the share (0–1) of the whole change that lies in it."""

    slice: Slice
    observed: float
    expected: float
    explains: float


def localise(cells: pd.DataFrame, dimensions: Sequence[str], ways: int = 2) -> tuple[Localised, ...]:
    """
    Slices that differ from the rest, the strongest first; empty when the change is everywhere alike.

    Args:
        cells: one row a combination of `dimensions`, with `observed` and `expected` counts of one period.

    Source:
        Kulldorff (1997), A spatial scan statistic, with conjunctions of dimensions for zones.
    """
    left = cells.dropna(subset=["observed", "expected"]).reset_index(drop=True)
    whole = float((left["observed"] - left["expected"]).sum())
    found: list[Localised] = []
    explained = 0.0
    # What is left once all but a nameless share is explained is chance.
    while len(found) < SLICES and not left.empty and explained <= 1 - LEAST_SHARE:
        best = _best(left, dimensions, ways)
        if best is None:
            break
        where, gain, seen, due = best
        share = (seen - due) / whole if whole else 0.0
        if gain < LEAST_GAIN or share < LEAST_SHARE:
            break
        found.append(Localised(where, seen, due, float(min(share, 1.0))))
        explained += share
        inside = np.logical_and.reduce([left[name].astype(str) == value for name, value in where])
        left = left[~inside]
    return tuple(found)


def _best(
    cells: pd.DataFrame, dimensions: Sequence[str], ways: int
) -> tuple[Slice, float, float, float] | None:
    total = float(cells["observed"].sum()), float(cells["expected"].sum())
    if total[1] <= 0:
        return None
    best: dict[int, tuple[Slice, float, float, float]] = {}
    for names, groups in _zones(cells, dimensions, ways):
        gain = _gain(groups["observed"].to_numpy(float), groups["expected"].to_numpy(float), *total)
        top = int(np.argmax(gain))
        values = groups.index[top] if len(names) > 1 else (groups.index[top],)
        where = tuple(sorted((name, str(value)) for name, value in zip(names, values, strict=True)))
        row = groups.iloc[top]
        if len(names) not in best or gain[top] > best[len(names)][1]:
            best[len(names)] = where, float(gain[top]), float(row["observed"]), float(row["expected"])
    ranked = [best[count] for count in sorted(best)]
    chosen = ranked[0] if ranked else None
    for other in ranked[1:]:
        if chosen is None or other[1] * SIMPLER > chosen[1]:
            chosen = other
    return chosen


def _zones(
    cells: pd.DataFrame, dimensions: Sequence[str], ways: int
) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    for count in range(1, ways + 1):
        for names in combinations(dimensions, count):
            groups = cells.groupby(list(names), observed=True)[["observed", "expected"]].sum()
            if not groups.empty:
                yield names, groups


def _gain(
    observed: npt.NDArray[np.float64], expected: npt.NDArray[np.float64], seen: float, due: float
) -> npt.NDArray[np.float64]:
    """Likelihood ratio of a slice with a factor of its own, against one factor for all."""

    def fit(counts: npt.NDArray[np.float64], means: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        safe = np.maximum(means, 0.5)
        return np.where(counts > 0, counts * np.log(np.maximum(counts, 1e-12) / safe), 0.0)

    whole = seen * np.log(seen / due) if seen > 0 else 0.0
    gain = fit(observed, expected) + fit(seen - observed, due - expected) - whole
    return np.where(expected > 0, np.nan_to_num(gain), 0.0)
