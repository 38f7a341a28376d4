"""Which items a fault is planted on: slices of them, or a few out of all, in an order drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from domain.errors import CannotRehearse
from domain.resolution.rehearsal.planted import LEAST_EFFECT, Healthy, Planted

MOST_VALUES = 50  # of a feature by which items are sliced
LEAST_ITEMS = 3
MOST_SHARE = 0.4  # share of the candidates that a fault is planted on
SOME = 0.1  # share of the items, where no slice of them fits
TRIES = 12

Items = frozenset[str]


def drawn(
    healthy: Healthy,
    chance: np.random.Generator,
    made: Callable[[Items, str], Planted],
    *,
    apart: str | None = None,
    most: int | None = None,
) -> Planted:
    """
    The first fault that `made` puts on drawn items and that changes what is shown of them by a fifth or more.

    Args:
        apart: the feature at fault, by which items are not sliced.
        most: the most items that it may be planted on.

    Raises:
        CannotRehearse: none of those tried does.
    """
    tried = 0
    for items, says in _groups(healthy, chance, apart, most):
        tried += 1
        planted = made(items, says)
        if abs(planted.effect) >= LEAST_EFFECT:
            return planted
        if tried == TRIES:
            break
    raise CannotRehearse(
        f"a fault was planted on {tried} drawn groups of {healthy.noun}, and none of them was shown "
        f"{100 * LEAST_EFFECT:.0f} % less or more for it: nothing would have to be repaired"
    )


def _groups(
    healthy: Healthy, chance: np.random.Generator, apart: str | None, most: int | None
) -> Iterator[tuple[Items, str]]:
    """Slices of the items that are candidates, in random order; then items drawn from all."""
    present = healthy.ids.value_counts()
    slices = list(_slices(healthy, apart))
    for place in chance.permutation(len(slices)):
        name, value, items = slices[place]
        found = items & frozenset(present.index)
        if _fits(present, found, most):
            yield found, f"the {len(found):,} {healthy.noun} of {name} = {value}"
    known, count = sorted(present.index), max(LEAST_ITEMS, int(SOME * len(present)))
    count = min(count, most or count, len(known))
    for _ in range(TRIES):
        yield frozenset(chance.choice(known, count, replace=False)), f"{count:,} drawn {healthy.noun}"


def _slices(healthy: Healthy, apart: str | None) -> Iterator[tuple[str, str, Items]]:
    items = healthy.items
    if items is None:
        return
    for name in (one for one in items if one not in (healthy.key, apart)):
        if pd.api.types.is_float_dtype(items[name]) or items[name].nunique() > MOST_VALUES:
            continue
        for value, keys in items[healthy.key].groupby(items[name], observed=True):
            yield str(name), str(value), frozenset(keys.astype(str))


def _fits(present: pd.Series, items: Items, most: int | None) -> bool:
    few_enough = most is None or len(items) <= most
    share = float(present[list(items)].sum()) / max(float(present.sum()), 1.0)
    return few_enough and len(items) >= LEAST_ITEMS and share <= MOST_SHARE
