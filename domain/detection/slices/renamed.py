"""
Values that took over the rows of others: renamed, merged, or no longer set. One thing happened, not ten.

    DK gone, DNK appeared with as many rows             the finding of DK says so
    every language gone, "∅ (not set)" has their rows   one finding, of the largest language, says so
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.detection.data.counts import Floats
from domain.detection.judge.title import ALL_GONE
from domain.values import Slice

AS_MANY = 0.2  # relative difference between rows lost and rows gained that still counts as the same rows
NEW = 0.1  # of the rows of a value that took over: at most this share was usual
NAMED = 2  # values named in a title; the others are counted


@dataclass(frozen=True)
class ReportedSlice:
    """A slice to report, by its place, and what to say about where its rows went (empty: not known)."""

    place: int
    words: str = ""


def merge_renamed(
    slices: tuple[Slice, ...], observed: Floats, expected: Floats, picked: Sequence[int]
) -> list[ReportedSlice]:
    """
    The slices `picked`; those of one dimension whose rows were taken over are reported as one: the largest.

    Args:
        slices: (n_slices,) names; observed, expected: (n_slices,) rows.
        picked: places of those that are to be reported.
    """
    lost = [place for place in picked if len(slices[place]) == 1 and observed[place] < expected[place]]
    taken: dict[int, ReportedSlice] = {}
    folded: set[int] = set()
    for dimension in dict.fromkeys(slices[place][0][0] for place in lost):
        those = [place for place in lost if slices[place][0][0] == dimension]
        due = expected * _level(slices, observed, expected, those)
        gone, words = _renamed(slices, observed, due, those)
        if not gone:
            gone, words = _swallowed(slices, observed, due, those)
        if gone:
            largest = max(gone, key=lambda place: float(expected[place]))
            taken[largest] = ReportedSlice(largest, words)
            folded |= set(gone) - {largest}
    return [taken.get(place, ReportedSlice(place)) for place in picked if place not in folded]


def _level(slices: tuple[Slice, ...], observed: Floats, expected: Floats, those: list[int]) -> float:
    """
    How much more the dimension's other values hold than their share of what is left of the total: if one
    value is lost for good, the expectation of all others is too low by that factor.
    """
    dimension = slices[those[0]][0][0]
    own = np.array([len(name) == 1 and name[0][0] == dimension for name in slices])
    own &= (observed > 0) & (expected > NEW * observed)
    own[those] = False
    return float(np.median(observed[own] / expected[own])) if own.any() else 1.0


def _heirs(slices: tuple[Slice, ...], observed: Floats, expected: Floats, dimension: str) -> list[int]:
    """Values of the dimension with rows that they did not use to have."""
    own = [place for place, name in enumerate(slices) if len(name) == 1 and name[0][0] == dimension]
    return [place for place in own if observed[place] > 0 and expected[place] <= NEW * observed[place]]


def _as_many(gained: float, lost: float) -> bool:
    return abs(gained - lost) <= AS_MANY * lost


def _renamed(
    slices: tuple[Slice, ...], observed: Floats, expected: Floats, those: list[int]
) -> tuple[list[int], str]:
    """Values that have no row left, each with a new value that has about as many."""
    heirs = _heirs(slices, observed, expected, slices[those[0]][0][0])
    pairs: list[tuple[int, int]] = []
    for place in sorted(those, key=lambda place: -float(expected[place])):
        if observed[place] > (1 - ALL_GONE) * expected[place] or not heirs:
            continue
        near = min(heirs, key=lambda heir: abs(float(observed[heir] - expected[heir] - expected[place])))
        if _as_many(float(observed[near] - expected[near]), float(expected[place])):
            heirs.remove(near)
            pairs.append((place, near))
    if not pairs:
        return [], ""
    heir, more = pairs[0][1], len(pairs) - 1
    others = f", and {more} more like it" if more else ""
    words = f"{slices[heir][0][1]} is new and has {float(observed[heir]):,.0f}: renamed?{others}"
    return [place for place, _ in pairs], words


def _swallowed(
    slices: tuple[Slice, ...], observed: Floats, expected: Floats, those: list[int]
) -> tuple[list[int], str]:
    """Values that lost rows, all to a single other one that has about as many more than it used to."""
    dimension = slices[those[0]][0][0]
    own = np.array([len(name) == 1 and name[0][0] == dimension for name in slices])
    loss = float(np.maximum(expected - observed, 0.0)[own].sum())
    for heir in _heirs(slices, observed, expected, dimension):
        if _as_many(float(observed[heir] - expected[heir]), loss):
            names = [
                slices[place][0][1] for place in sorted(those, key=lambda place: -float(expected[place]))
            ]
            others = f"; so are {', '.join(names[1 : 1 + NAMED])}" if len(names) > 1 else ""
            more = f" and {len(names) - 1 - NAMED} more" if len(names) > 1 + NAMED else ""
            return those, f"they are in {dimension} = {slices[heir][0][1]} now{others}{more}"
    return [], ""
