"""Model features in the log that are no longer what they were for the same item or member."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.changes.begun import since_first
from domain.diagnosis.changes.delivered import instead, one_value
from domain.diagnosis.place import Bools, Floats, Placed, inside, place_of
from domain.diagnosis.replay import CandidateColumns

STEADY = 0.02  # share of a feature's variance left within a key, up to which it is called steady
MOST_ROWS = 0.9  # share of the rows before over which a variance is taken: a few may have departed already
APART = 0.1  # share of a feature's spread, from which on a value is a different one
PURE = 0.5  # share of a slice's rows that departed, from which on the slice is named
MOST_BEFORE = 0.1  # share of the same rows that departed before, too; where it was more, it must have risen
ONE_FACTOR = 0.05  # relative spread of the ratios, up to which all were multiplied by one number
LEAST_ROWS = 20


@dataclass(frozen=True)
class Departed:
    """
    One model feature: `hit` (n_rows,) where it departed, `should` (n_rows,) what it would be, a number or a
    text as the feature is; NaN or None where not known. `guessed`: most of these are only the usual value.

    `words` say how: not set, so many times what it was, another value.
    """

    feature: str
    hit: Bools
    should: npt.NDArray[Any]
    placed: Placed
    unset: bool
    words: str
    guessed: bool = False


def departed(
    rows: pd.DataFrame, before: pd.DataFrame, columns: CandidateColumns, dimensions: Sequence[str]
) -> tuple[Departed, ...]:
    """
    The features that departed in a slice, or everywhere. For features that are random in each row, it can
    only be seen that they are no longer set.

    Args:
        rows, before: logged candidates since the onset and before it.
    """
    names = [name for name in columns.features if name in rows and name in before]
    groups = [_groups(keys, rows, before) for keys in _keys(columns, dimensions, rows, before)]
    return tuple(found for name in names for found in _feature(rows, before, dimensions, groups, name))


def _feature(
    rows: pd.DataFrame, before: pd.DataFrame, dimensions: Sequence[str], groups: Sequence[_Groups], name: str
) -> Iterator[Departed]:
    feature = _read(rows[name], before[name])
    should, steady = _should(groups, feature.then, feature.usual, len(rows))
    should = feature.one_of(should)
    with np.errstate(invalid="ignore"):
        other = np.isfinite(feature.now) & steady & (np.abs(feature.now - should) > feature.apart)
    for hit, unset in ((~np.isfinite(feature.now), True), (other, False)):
        if hit.sum() < LEAST_ROWS:
            continue
        begun = since_first(rows, hit)
        placed = place_of(rows[begun], hit[begun], dimensions)
        was_unset = (
            ~np.isfinite(feature.then[inside(before, placed.slice)]) if unset else np.zeros(1, dtype=bool)
        )
        before_it = float(was_unset.mean()) if len(was_unset) else 0.0
        if placed.purity < PURE or (before_it > MOST_BEFORE and placed.purity - before_it < PURE):
            continue
        held = hit & inside(rows, placed.slice)
        words = "is not set" if unset else feature.words(held, should)
        guessed = not steady[held].mean() > PURE
        yield Departed(name, held, feature.values(should), placed, unset, words, guessed)


@dataclass(frozen=True)
class _Numbers:
    """
    A feature as numbers: (n_rows,) `now` and (n_before,) `then`, NaN where not set; its `usual` value, and
    how far `apart` two values must be to differ.
    """

    now: Floats
    then: Floats
    usual: float
    apart: float

    def one_of(self, should: Floats) -> Floats:
        """The nearest values that exist."""
        return should

    def values(self, should: Floats) -> npt.NDArray[Any]:
        """In the feature's own type."""
        return should

    def words(self, held: Bools, should: Floats) -> str:
        """What it is now instead."""
        return _words(self.now[held], should[held])


@dataclass(frozen=True)
class _Texts(_Numbers):
    """Texts, each as its place among the `known`."""

    known: tuple[str, ...]

    def one_of(self, should: Floats) -> Floats:
        """The first of two, where a median falls between them: that is no text."""
        return np.floor(should)

    def values(self, should: Floats) -> npt.NDArray[Any]:
        """As texts, None where not known."""
        named = np.array([*self.known, None], dtype=object)
        return np.asarray(named[np.where(np.isfinite(should), should, len(self.known)).astype(np.intp)])

    def words(self, held: Bools, should: Floats) -> str:
        """The most common change, where most changed that way."""
        return instead(self.values(should)[held], self.values(self.now)[held])


def _read(now: pd.Series, then: pd.Series) -> _Numbers:
    if pd.api.types.is_numeric_dtype(now) and pd.api.types.is_numeric_dtype(then):
        numbers = then.to_numpy(np.float64, na_value=np.nan)
        known = numbers[np.isfinite(numbers)]
        usual, spread = (float(np.median(known)), float(np.std(known))) if len(known) else (np.nan, 0.0)
        return _Numbers(now.to_numpy(np.float64, na_value=np.nan), numbers, usual, APART * spread)
    codes, known_texts = pd.factorize(pd.concat([then, now], ignore_index=True).astype("string"))
    places = np.where(codes < 0, np.nan, codes.astype(np.float64))
    earlier = codes[: len(then)][codes[: len(then)] >= 0]
    common = float(np.bincount(earlier).argmax()) if len(earlier) else np.nan
    return _Texts(places[len(then) :], places[: len(then)], common, 0.0, tuple(map(str, known_texts)))


def _words(now: Floats, should: Floats) -> str:
    if one_value(now) and not one_value(should):
        return f"is always {np.nanmax(now):.4g}"
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = now / should
    ratio = ratio[np.isfinite(ratio)]
    middle = float(np.median(ratio)) if len(ratio) else 1.0
    if len(ratio) and np.mean(np.abs(ratio - middle) <= ONE_FACTOR * abs(middle)) > PURE and middle != 1:
        return f"is {middle:.3g} times what it was"
    low, high = np.quantile(now - should, [0.1, 0.9])
    middle = float(np.median(now - should))
    if abs(high - low) <= ONE_FACTOR * abs(middle) and middle:
        return f"is {abs(middle):.3g} {'higher' if middle > 0 else 'lower'} than it was"
    return "is another"


@dataclass(frozen=True)
class _Groups:
    """Which of `count` items, members, or members and kinds of item each row is of; −1 where not known."""

    now: npt.NDArray[np.intp]
    then: npt.NDArray[np.intp]
    count: int


def _groups(keys: list[str], rows: pd.DataFrame, before: pd.DataFrame) -> _Groups:
    both = pd.concat([before[keys], rows[keys]], ignore_index=True)
    group = np.asarray(both.groupby(keys, observed=True).ngroup().fillna(-1), dtype=np.intp)
    return _Groups(group[len(before) :], group[: len(before)], int(group.max(initial=-1)) + 1)


def _should(groups: Sequence[_Groups], then: Floats, usual: float, count: int) -> tuple[Floats, Bools]:
    """
    (count,) what the feature was for the same item, member, or member and kind of item; the steadiest that is
    known.

    The second array says where that is as good as certain; elsewhere it is the usual value.
    """
    known = np.isfinite(then)
    should, sure = np.full(count, np.nan), np.zeros(count, dtype=bool)
    if not known.any():
        return should, sure
    values = then[known]
    total = _trimmed((values - np.median(values)) ** 2)
    for one in groups:
        group = one.then[known]
        keyed = group >= 0
        middles = np.full(one.count + 1, np.nan)  # the last one is for unknown keys
        found = pd.Series(values[keyed]).groupby(group[keyed]).median()
        middles[found.index.to_numpy(np.intp)] = found.to_numpy()
        if not keyed.any():
            continue
        within = _trimmed((values[keyed] - middles[group[keyed]]) ** 2)
        alone = float((np.bincount(group[keyed], minlength=one.count)[group[keyed]] == 1).sum()) / len(values)
        if within > STEADY * total or alone > PURE:
            continue
        fresh = np.isnan(should) & np.isfinite(middles[one.now])
        should[fresh], sure[fresh] = middles[one.now][fresh], True
    should[np.isnan(should)] = usual
    return should, sure


def _trimmed(squares: Floats) -> float:
    """The mean without the largest of them."""
    return float(np.mean(np.sort(squares)[: max(int(np.ceil(MOST_ROWS * len(squares))), 1)]))


def _keys(
    columns: CandidateColumns, dimensions: Sequence[str], rows: pd.DataFrame, before: pd.DataFrame
) -> list[list[str]]:
    """What a feature may be steady for, the fewest columns first."""
    member = [columns.member] if columns.member is not None else []
    sets = [[columns.item], member, *([*member, name] for name in dimensions if member)]
    return [
        keys
        for keys in sets
        if keys and len(set(keys)) == len(keys) and all(key in rows and key in before for key in keys)
    ]
