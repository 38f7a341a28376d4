"""What a delivery did to each feature, over all items: whom it hit, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from domain.diagnosis.changes.delivered_feature import (
    KEPT,
    LOST,
    NEVER,
    ONE_WAY,
    DeliveredFeature,
    another_magnitude,
    comparable_strata,
    move_of,
    moved_apart,
)
from domain.diagnosis.place import Bools, Floats, Placed, in_the_words_of, inside, place_of
from domain.diagnosis.stratified import Strata, ranks_apart
from domain.prediction.neighbours import is_numeric
from domain.values import Slice

OWN = 0.9  # share of the items that each had a number of their own
MOST_VALUES = 0.2  # distinct values per item, up to which items are sliced by a column
CLEARLY = 0.8  # of what one step leaves unexplained: one factor must leave less than that
HALF = 0.5  # of a slice's items that are hit, or of all hit items that lie in it: less does not say whom
MOSTLY = 0.3  # share of the items that had one value before, from which on it is worth saying
MOST = 6  # features of one delivery that are looked into; the rest have less evidence
SURE = float(np.log(100))  # −log p over all features, from which on the items in question moved differently


@dataclass(frozen=True)
class Delivered:
    """
    One feature that a delivery changed, or left as it was while it changed for others.

    Args:
        items: all whose value differs from what it would be had it moved as that of comparable items.
        size, count: items of the slice, and those of them that were hit.
        unset: most of them lost it; `stale`: most of them kept it, and others did not.
        broken: the value cannot be right, whoever looks at it: most lost it, or their numbers are all of
            another order of magnitude, or one number for all where there were many.
        former, former_share: the most common value before, and the share (0–1) of them that had it; none if
            stale.
        right: item → what it would be: the former value, or where that is stale, that value moved as others'
            did.
        exchanged: value that items are sliced by → share (0–1) of those that had it before, or have it since,
            that came from another known value or went to one.
        apart: −log p that the items in question moved as comparable ones did, over all features.
    """

    feature: str
    items: tuple[str, ...]
    placed: Placed
    size: int
    count: int
    unset: bool
    stale: bool
    broken: bool
    words: str
    former: str | None
    former_share: float
    right: dict[str, str]
    exchanged: dict[str, float]
    apart: float


@dataclass(frozen=True)
class _Hit:
    """One feature before it is worded: `items` (n_items,) that are hit."""

    feature: str
    was: pd.Series
    now: pd.Series
    moved: DeliveredFeature
    items: Bools
    apart: float

    @property
    def unset(self) -> bool:
        return bool((self.moved.state[self.items] == LOST).all())

    @property
    def stale(self) -> bool:
        return bool((self.moved.state[self.items] == KEPT).all())


def delivered(
    before: pd.DataFrame,
    after: pd.DataFrame,
    key: str,
    features: Sequence[str],
    concerned: Collection[str] = (),
    labels: pd.DataFrame | None = None,
    found: Slice = (),
) -> tuple[Delivered, ...]:
    """
    Features that a delivery broke, the likeliest first and no more than `MOST`.

    First those that moved differently for the items concerned than for comparable ones; then those unset,
    then those that hit most items. What moves a little for all items is not among them.

    Args:
        before, after: one row an item.
        concerned: the items of the finding.
        labels: items by `key` with what else they can be sliced by.
        found: the slice of the finding, in whose words the place is said where it holds the same items.
    """
    old = before.drop_duplicates(key, keep="last").set_index(key)
    new = after.drop_duplicates(key, keep="last").set_index(key)
    both = old.index.intersection(new.index)
    if both.empty:
        return ()
    old, new = old.loc[both], new.loc[both]
    mine = both.astype(str).isin(set(concerned))
    names = [name for name in features if name in old and name in new]
    hits = [_hit(name, old[name], new[name], mine, len(names)) for name in names]
    hits = sorted((one for one in hits if one.items.any()), key=_likeliest)
    rows = _sliced(old, key, features, labels)
    return tuple(_delivered(one, rows, found) for one in hits[:MOST])


def _likeliest(one: _Hit) -> tuple[float, bool, int, str]:
    return -one.apart if one.apart >= SURE else 0.0, not one.unset, -int(one.items.sum()), one.feature


def _hit(name: str, was: pd.Series, now: pd.Series, mine: Bools, features: int) -> _Hit:
    moved = move_of(was, now, ~mine if not mine.all() else mine)
    if np.isin(moved.state, (KEPT, NEVER)).all():
        return _Hit(name, was, now, moved, np.zeros(len(was), dtype=bool), 0.0)
    strata = comparable_strata(was, mine)
    apart = max(0.0, moved_apart(moved, mine, strata) - float(np.log(features)))
    return _Hit(name, was, now, moved, _items_hit(moved, mine, strata), apart)


def _items_hit(moved: DeliveredFeature, mine: Bools, strata: Strata) -> Bools:
    """
    The items that lost it, that changed unlike others, or that did not change: whichever mine did more often
    than comparable items, or where there is none, what most items did.
    """
    lost: Bools = moved.state == LOST
    kept: Bools = moved.state == KEPT
    other = moved.departed
    ways = [lost, other, kept] if kept[~mine].sum() < 0.5 * (~mine).sum() else [lost, other]
    found = [ranks_apart(hit.astype(float), mine, strata) for hit in ways]
    more = [one.surprise if one.above else 0.0 for one in found]
    if max(more) >= SURE:
        return ways[int(np.argmax(more))]
    return lost if lost.sum() >= 0.5 * (lost | other).sum() else other


def _sliced(
    old: pd.DataFrame, key: str, features: Sequence[str], labels: pd.DataFrame | None
) -> pd.DataFrame:
    """
    The items with what they can be sliced by, as they were before: the change may be to the slice's own
    feature.
    """
    rows = old[[name for name in features if name in old and sliceable(old[name])]]
    if labels is not None:
        own = labels.drop_duplicates(key, keep="last").set_index(key).reindex(old.index)
        rows = rows.join(own[[name for name in own if name not in rows and sliceable(own[name])]])
    return rows.reset_index(drop=True)


def sliceable(column: pd.Series) -> bool:
    """Whether a column has few enough values to slice items by."""
    return not pd.api.types.is_numeric_dtype(column) and column.nunique() <= MOST_VALUES * len(column)


def _delivered(one: _Hit, rows: pd.DataFrame, found: Slice) -> Delivered:
    hit, was = one.items, one.was
    placed = in_the_words_of(found, _placed(one, rows), rows)
    held = inside(rows, placed.slice)
    sure = hit & held if (hit & held).any() else hit
    values = was[sure].dropna().astype(str).value_counts(normalize=True)
    has_former = len(values) > 0 and not one.stale
    right = pd.Series(one.moved.usual, was.index) if one.stale else was
    return Delivered(
        feature=one.feature,
        items=tuple(sorted(map(str, was.index[hit]))),
        placed=placed,
        size=int(held.sum()),
        count=int((hit & held).sum()),
        unset=one.unset,
        stale=one.stale,
        broken=_broken(one, sure),
        words=_words(one, sure),
        former=str(values.index[0]) if has_former else None,
        former_share=float(values.iloc[0]) if has_former else 0.0,
        right={str(item): str(value) for item, value in right[hit].dropna().items()},
        exchanged=_exchanged(one) if one.feature in rows else {},
        apart=one.apart,
    )


def _exchanged(one: _Hit) -> dict[str, float]:
    """As in `Delivered.exchanged`; a value under a new name has none: its slice is the same."""
    was, now = (values.astype("string").fillna("") for values in (one.was, one.now))
    other = was != now
    known = set(was) & set(now)
    ends = pd.concat([was, now[other]])
    gone = pd.concat([other & now.isin(known), (other & was.isin(known))[other]])
    shares = gone.groupby(ends.to_numpy()).mean()
    return {str(value): float(share) for value, share in shares.items() if share > 0 and value}


def _placed(one: _Hit, rows: pd.DataFrame) -> Placed:
    """
    Whom it hit, by what else is known of the items; where few of that slice were hit, by their former value:
    when two values change places, all items of both are hit, and most of them may lie in the largest slice.
    """
    others = place_of(rows, one.items, [str(name) for name in rows if name != one.feature])
    if others.purity >= HALF:
        return others
    before = place_of(rows, one.items, [one.feature])
    if before.slice and before.purity >= HALF:
        return before
    return others if others.held >= HALF else Placed((), float(one.items.mean()), 1.0)


def _broken(one: _Hit, sure: Bools) -> bool:
    if one.unset or one.stale:
        return one.unset
    old, new = one.was[sure], one.now[sure]
    if not (is_numeric(old) and is_numeric(new)):
        return False
    was, now = (numbers.to_numpy(float, na_value=np.nan) for numbers in (old, new))
    own = len(np.unique(was)) >= OWN * len(was)  # not a flag or a class, which may become one for all
    return another_magnitude(was, now) or (own and len(was) > 1 and one_value(now))


def _words(one: _Hit, sure: Bools) -> str:
    if one.unset:
        return "is not set"
    if one.stale:
        return "is stale"
    old, new = one.was[sure], one.now[sure]
    if not (is_numeric(old) and is_numeric(new)):
        return instead(old, new)
    spread = float(np.median(one.moved.spread[sure]))
    # what moves anyway is compared with where it would have moved
    base = one.moved.usual[sure] if spread > 0 else old.to_numpy(float, na_value=np.nan)
    return by_how_much(base, new.to_numpy(float, na_value=np.nan), spread)


def instead(old: Iterable[object], new: Iterable[object]) -> str:
    """
    Which text replaced which, where that is the same for most of them.

    >>> instead(["tv", "tv", "web"], ["tv_2", "tv_2", "web"])
    'is tv_2 instead of tv'
    """
    pairs = Counter(zip(old, new, strict=True))
    (was, now), count = pairs.most_common(1)[0]
    return f"is {now} instead of {was}" if count > HALF * pairs.total() else "is another"


def one_value(numbers: Floats) -> bool:
    """Whether they are all one number."""
    known = numbers[np.isfinite(numbers)]
    return bool(len(known)) and float(np.ptp(known)) == 0.0


def by_how_much(old: Floats, new: Floats, spread: float = 0.0) -> str:
    """
    How numbers changed: by one factor or by one step, whichever fits better, if either does.

    Args:
        spread: by how much they move anyway.

    >>> by_how_much(np.array([0.1, 0.2]), np.array([1.0, 2.0]))
    'is 10 times what it was'
    >>> by_how_much(np.array([50.0, 51.0]), np.array([52.0, 53.0]))
    'is 2 higher than it was'
    >>> by_how_much(np.array([3.5, 4.0]), np.array([0.0, 0.0]))
    'became 0'
    """
    if one_value(new) and not one_value(old):
        return f"became {np.nanmax(new):.4g}"
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = new / old
    ratio = ratio[np.isfinite(ratio)]
    factor = float(np.median(ratio)) if len(ratio) else 1.0
    step = float(np.nanmedian(new - old))
    off_factor = float(np.nanmedian(np.abs(new - factor * old)))
    off_step = float(np.nanmedian(np.abs(new - old - step)))
    near = ONE_WAY * float(np.nanmedian(np.abs(new - old)))
    far = factor <= 0.5 or factor >= 2  # otherwise a step describes small factors just as well
    better = off_factor <= (1.0 if far else CLEARLY) * off_step
    if off_factor <= near + abs(factor) * spread and better and factor != 1:
        return f"is {factor:.3g} times what it was"
    if off_step <= near + spread and step:
        return f"is {abs(step):.3g} {'higher' if step > 0 else 'lower'} than it was"
    return "is another"
