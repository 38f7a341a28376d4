"""Exposure of slices, now and as before for so many requests; worked out once for all candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Side:
    """
    The requests of one time, one row a candidate.

    Args:
        labels: (n_rows, n_dimensions) what each lies in.
        requests: (n_rows,) which request it belongs to, from 0.
        exposure: (n_rows,) how likely it was shown (0–1).
        weights: (n_requests,) how many requests each stands for.
    """

    labels: pd.DataFrame
    requests: Ints
    exposure: Floats
    weights: Floats

    @property
    def count(self) -> int:
        """The number of logged requests."""
        return len(self.weights)


@dataclass(frozen=True)
class Split:
    """
    All slices of one dimension of items, within one of requests or in all of them.

    `cell` is (n_rows,) the slice of each candidate now; the others are (n_cells,): the slices' `names`,
    exposure `observed`, what was `expected` by the requests of before, and the `variance` of their difference
    by chance.
    """

    cell: Ints
    names: pd.Index
    observed: Floats
    expected: Floats
    variance: Floats

    def sums(self, values: Floats) -> Floats:
        """(n_cells,) sums of `values`, (n_rows,)."""
        return np.bincount(self.cell, weights=values, minlength=len(self.observed)).astype(np.float64)


def side_by_side(one: Split, other: Split, undone: Floats) -> tuple[Floats, ...]:
    """
    Observed, expected, undone and variance, each (n_slices,), of the slices of either: rows that change
    places may leave a slice empty, or fill one that did not exist.

    Args:
        undone: (n_cells,) by the slices of `other`.
    """
    names = one.names.union(other.names)

    def spread(values: Floats, of: Split) -> Floats:
        return np.asarray(pd.Series(values, of.names).reindex(names, fill_value=0.0), np.float64)

    known = names.isin(one.names)
    expected, variance = (
        np.where(known, spread(mine, one), spread(theirs, other))
        for mine, theirs in ((one.expected, other.expected), (one.variance, other.variance))
    )
    return spread(one.observed, one), expected, spread(undone, other), variance


def split(now: Side, before: Side, item: str, request: str | None = None) -> Split:
    """
    Exposure by `item`, and by `request` where one is named.

    A request shows many items of one slice or none, so chance is counted by requests, not by items: the
    variance of a sum over independent requests, Σw²(x − x̄)²; at least that of independent items, Σw²x.
    """
    named = [_codes(now, before, name) for name in (request, item) if name is not None]
    both = [(codes[: len(now.labels)], codes[len(now.labels) :]) for codes, _words in named]
    cell_now, cell_then, parts = _cells(both)
    group, count = parts[0], len(parts[0])
    words = [known[codes] for codes, (_codes_of, known) in zip(parts, named, strict=True)]
    names = words[0] if len(words) == 1 else pd.MultiIndex.from_arrays(words)
    ratio = _requests_now(now, before, both[0] if request is not None else None)
    scale = np.array([ratio.get(one, 0.0) for one in group]) if request is not None else ratio[0]
    o, spread_now = _summed(now, cell_now, count)
    raw, spread_then = _summed(before, cell_then, count)
    variance = spread_now + scale**2 * spread_then + 1.0
    return Split(cell_now, names, o, np.asarray(raw * scale, np.float64), np.asarray(variance, np.float64))


def _codes(now: Side, before: Side, name: str) -> tuple[Ints, pd.Index]:
    """The value of each row, now and then before, as its place among the words of both; and these words."""
    words = pd.concat([now.labels[name].astype(object), before.labels[name].astype(object)])
    # Sorted by word, so that the order of the cells does not depend on which rows carry which word.
    codes, known = pd.factorize(words, sort=True, use_na_sentinel=False)
    return codes.astype(np.intp), pd.Index(known)


def _cells(both: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints, list[Ints]]:
    """Each row's cell, now and before; and the value of each dimension, (n_cells,), in each."""
    sizes = [int(max(now.max(initial=0), then.max(initial=0))) + 1 for now, then in both]
    joined = np.concatenate(both[0]).astype(np.int64)
    for place, codes in enumerate(both[1:], start=1):
        joined = joined * sizes[place] + np.concatenate(codes)
    cells, where = np.unique(joined, return_inverse=True)
    parts = [cells // sizes[1], cells % sizes[1]] if len(both) > 1 else [cells]
    length = len(both[0][0])
    cell = where.astype(np.intp)
    return cell[:length], cell[length:], [one.astype(np.intp) for one in parts]


def _requests_now(now: Side, before: Side, codes: tuple[Ints, Ints] | None) -> dict[int, float]:
    """Value of the dimension of requests → how many requests there are now for each before; 0 → for all."""
    if codes is None:
        return {0: float(now.weights.sum() / max(before.weights.sum(), 1e-9))}
    counts = []
    for side, own in zip((now, before), codes, strict=True):
        _, first = np.unique(side.requests, return_index=True)
        counts.append(np.bincount(own[first], side.weights, minlength=int(max(map(np.max, codes))) + 1))
    return {value: float(a / b) if b else 0.0 for value, (a, b) in enumerate(zip(*counts, strict=True))}


def _summed(side: Side, cell: Ints, count: int) -> tuple[Floats, Floats]:
    """(count,) exposure of each cell, and its variance by chance from request to request."""
    size = max(side.count, 1)
    pairs, where = np.unique(cell.astype(np.int64) * size + side.requests, return_inverse=True)
    mine, own = (pairs // size).astype(np.intp), side.weights[(pairs % size).astype(np.intp)]
    each = np.bincount(where, weights=side.exposure, minlength=len(pairs))
    total, linear, square = (
        np.bincount(mine, weights=values, minlength=count).astype(np.float64)
        for values in (own * each, own**2 * each, own**2 * each**2)
    )
    mean = total / max(float(side.weights.sum()), 1e-9)
    spread = square - 2 * mean * linear + mean**2 * float((side.weights**2).sum())
    return total, np.maximum(spread, linear)
