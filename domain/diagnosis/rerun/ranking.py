"""What was shown against what the logged scores say should have been: a filter, a block, a cap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.localise import localise
from domain.diagnosis.probabilities import are_probabilities
from domain.diagnosis.replay import log_odds_of, race, temperature_of
from domain.diagnosis.rerun.interval import count_interval
from domain.diagnosis.rerun.place import Bools, Floats
from domain.diagnosis.rerun.values import StepDifference
from domain.values import Slice, name_slice

ITEM = "item"
LEAST_EXPECTED = 5.0  # exposures of a slice, from which on it says something if none came
CERTAIN = 1e-4  # chance, for all slices looked at together, of counts so far off


@dataclass(frozen=True)
class Ranked:
    """
    Candidates of one time: `shown`, (rows,), whether each was; `expected` how likely that was, as
    `expected_exposure` has it; `texts` the slices it lies in; `requests` and `items` which they are.
    """

    shown: Bools
    expected: Floats
    texts: pd.DataFrame
    requests: npt.NDArray[np.intp]
    items: pd.Series

    def inside(self, where: Slice, items: Sequence[str] = ()) -> Bools:
        """(rows,) those in a slice, of these items if any are named."""
        held = np.ones(len(self.shown), dtype=bool)
        for name, value in where:
            held &= (self.texts[name] == value).to_numpy(bool) if name in self.texts else False
        return held & self.items.astype(str).isin(items).to_numpy(bool) if items else held


def expected_exposure(
    scores: Floats, shown: Bools, requests: npt.NDArray[np.intp], chances: Floats | None
) -> Floats:
    """
    How likely each candidate is shown by its score: (rows,), 0–1; by its rank where the log does not say how
    ranking explores.

    Args:
        chances: (rows,) how likely each was to be shown, as logged; null where that is not logged.
    """
    by_race = None if chances is None else _by_race(scores, shown, requests, chances)
    return _by_rank(scores, shown, requests) if by_race is None else by_race


def _by_rank(scores: Floats, shown: Bools, requests: npt.NDArray[np.intp]) -> Floats:
    """
    How often candidates of each rank are shown, over all requests, for each row: (rows,), 0–1.

    This includes what exploration and position do to all requests alike, but not what is done to a slice.
    """
    order = np.lexsort((-scores, requests))
    _, starts, sizes = np.unique(requests[order], return_index=True, return_counts=True)
    rank = np.empty(len(scores), dtype=np.intp)
    rank[order] = np.arange(len(scores)) - np.repeat(starts, sizes)
    often = np.bincount(rank, shown.astype(float)) / np.bincount(rank)
    return np.asarray(often[rank])


def _by_race(scores: Floats, shown: Bools, requests: npt.NDArray[np.intp], chances: Floats) -> Floats | None:
    """
    Null where the logged `chances` are not those of a race of the scores. It tells by how much one score is
    above the next, which a rank does not.
    """
    odds = log_odds_of(scores) if are_probabilities(scores) else scores
    temperature = temperature_of(chances, odds, requests)
    if temperature is None:
        return None
    places = np.bincount(requests, shown).astype(np.float64)
    return race(odds, requests, temperature, places)


def ranking_differences(now: Ranked, before: Ranked | None = None) -> tuple[StepDifference, ...]:
    """
    Slices, or items in them, that are shown more or less than their scores say; those that lose come first.

    A rank does not say by how much one score is above the next, so that where some are liked far more than
    others they are always shown more than most of their rank: what was so `before` is left out.
    """
    texts, shown, expected, requests = now.texts, now.shown, now.expected, now.requests
    narrow = [str(name) for name in texts if texts[name].nunique() > 1]
    found: dict[Slice, StepDifference] = {}
    frames = [(texts[narrow], narrow)]
    frames += [(texts[[name]].assign(**{ITEM: now.items.astype(str)}), [name, ITEM]) for name in narrow]
    tried = 1 + sum(frame.drop_duplicates().shape[0] for frame, _ in frames)
    for frame, names in frames:
        for where in _slices(frame, names, shown, expected):
            held = any(set(known) <= set(where) for known in found)
            one = None if held else _difference(where, frame, shown, expected, requests, tried)
            if one is not None:
                found[where] = one
    new = [one for one in found.values() if before is None or not _was_so(one, before)]
    return tuple(sorted(new, key=lambda one: one.size))


def _was_so(one: StepDifference, before: Ranked) -> bool:
    """Whether the same slice may have been shown as much more or less before."""
    inside = before.inside(one.where or (), one.items)
    due = float(before.expected[inside].sum())
    if due < LEAST_EXPECTED:
        return False
    low, high = (end / due - 1 for end in count_interval(int(before.shown[inside].sum())))
    return one.low <= high and low <= one.high


def _slices(frame: pd.DataFrame, names: Sequence[str], shown: Bools, expected: Floats) -> list[Slice]:
    if not names:
        return []
    cells = (
        frame.assign(observed=shown.astype(float), expected=expected)
        .groupby(list(names), observed=True, sort=False)[["observed", "expected"]]
        .sum()
        .reset_index()
    )
    # What is not shown makes room for others, so there is no whole that a slice could be a share of.
    return [one.slice for one in localise(cells, names, ways=2, least_share=0.0)]


def _difference(
    where: Slice,
    frame: pd.DataFrame,
    shown: Bools,
    expected: Floats,
    requests: npt.NDArray[np.intp],
    tried: int,
) -> StepDifference | None:
    """In one slice; none where chance may have done it."""
    inside = np.ones(len(shown), dtype=bool)
    for name, value in where:
        inside &= (frame[name] == value).to_numpy()
    count, due = int(shown[inside].sum()), float(expected[inside].sum())
    if due < LEAST_EXPECTED or _chance(count, due) * tried > CERTAIN:
        return None
    low, high = (end / due - 1 for end in count_interval(count))
    size = count / due - 1
    number = len(np.unique(requests[inside]))
    words = (
        f"By their scores candidates of {name_slice(where)} would be shown {due:,.0f} times in {number:,} "
        f"requests; they were {count:,} times ({100 * size:+.0f} % [{100 * low:+.0f} to {100 * high:+.0f}])"
    )
    named = tuple(value for name, value in where if name == ITEM)
    place = tuple(pair for pair in where if pair[0] != ITEM)
    return StepDifference(
        step="ranking",
        rows=int(inside.sum()),
        requests=number,
        differing=round(abs(count - due)),
        size=size,
        low=low,
        high=high,
        where=place,
        version=None,
        column=None,
        words=words,
        unit="share of exposures",
        items=named,
    )


def _chance(count: int, due: float) -> float:
    """
    Bound on the chance that a sum of independent yes and no of mean `due` is as far off as `count`.

    Source:
        Chernoff's bound in its relative form; Mitzenmacher & Upfal (2005), Probability and Computing, 4.2.
    """
    ratio = count / due
    surprise = due * (ratio * np.log(ratio) - ratio + 1) if count else due
    return float(np.exp(-surprise))
