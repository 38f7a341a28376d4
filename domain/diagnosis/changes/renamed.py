"""
A value that vanished while another appeared: of similar volume, or for the same items. Where both are spelled
alike except for case, spaces and marks, part of the rows is enough: a release of one client may write the
other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.counts import Floats

GONE = 0.05  # share of its expected rows that a vanished value has left
NEW = 0.1  # share of its observed rows that were expected of a value that appeared
AS_MANY = 0.25  # relative difference up to which two volumes are alike
ALONE = 0.5  # the same, where one value vanished and one appeared: some shares scatter widely
LEAST_ROWS = 30.0
LEAST_ITEMS = 3
SAME_ITEMS = 0.9  # share of the items with the old value that now have the new one
NOT_SET = ("", "∅ (not set)", "nan", "None", "NaN", "<NA>")
CHANCE = 2.0  # standard deviations of a value's rows, by which its loss may be off


@dataclass(frozen=True)
class Renamed:
    """One value of a dimension that goes by another name, in this `share` of its rows."""

    dimension: str
    old: str
    new: str
    lost: float
    gained: float
    share: float = 1.0


def renamed(cells: pd.DataFrame, dimensions: Sequence[str]) -> tuple[Renamed, ...]:
    """
    Pairs of values, the largest first. Becoming unset is not a renaming.

    Args:
        cells: `dimensions`, `observed`, `expected` counts.
    """
    found: list[Renamed] = []
    for name in dimensions:
        texts = cells[name].astype("string").fillna("")
        sums = cells.assign(**{name: texts}).groupby(name)[["observed", "expected"]].sum()
        o, e = sums["observed"].to_numpy(float), sums["expected"].to_numpy(float)
        real = ~sums.index.isin(NOT_SET)
        gone = real & (e >= LEAST_ROWS) & (o <= GONE * e)
        new = real & (o >= LEAST_ROWS) & (e <= NEW * o)
        calm = ~gone & ~new & (e > 0)
        level = float(np.median(o[calm] / e[calm])) if calm.any() else 1.0
        for old in np.flatnonzero(gone)[np.argsort(-e[gone])]:
            heirs = np.flatnonzero(new)
            if not len(heirs):
                break
            due = level * e[old]
            heir = int(heirs[np.argmin(np.abs(o[heirs] - due))])
            alike = ALONE if gone.sum() == len(heirs) == 1 else AS_MANY
            if abs(o[heir] - due) <= alike * due:
                new[heir] = False
                values = str(sums.index[old]), str(sums.index[heir])
                found.append(Renamed(name, *values, float(due - o[old]), float(o[heir] - e[heir])))
        found += _in_part(name, [str(one) for one in sums.index], o, e, new)
    return tuple(sorted(found, key=lambda one: -one.lost))


def _in_part(
    name: str, values: list[str], observed: Floats, expected: Floats, new: npt.NDArray[np.bool_]
) -> Iterator[Renamed]:
    """Values that lost as many rows as a new one, spelled alike, gained."""
    letters = np.array([_letters(value) for value in values])
    for heir in np.flatnonzero(new & (letters != "")):
        for old in np.flatnonzero((letters == letters[heir]) & (expected >= LEAST_ROWS) & ~new):
            others = (expected > 0) & ~new & (np.arange(len(values)) != old)
            level = float(np.median(observed[others] / expected[others])) if others.any() else 1.0
            due, gained = level * float(expected[old]), float(observed[heir] - expected[heir])
            lost = due - float(observed[old])
            if lost > 0 and abs(lost - gained) <= AS_MANY * gained + CHANCE * due**0.5:
                yield Renamed(name, values[old], values[heir], lost, gained, min(gained / due, 1.0))


def _letters(value: str) -> str:
    """
    What two spellings of one value have in common.

    >>> _letters("fr_FR "), _letters("fr-FR")
    ('frfr', 'frfr')
    """
    return "".join(letter for letter in value.casefold() if letter.isalnum())


def renamed_items(
    before: pd.DataFrame, after: pd.DataFrame, key: str, features: Sequence[str]
) -> tuple[Renamed, ...]:
    """
    Values of the items' text features that no item has any more, where those that had it now have one that
    none had; the most items first. `lost` and `gained` count items.

    Args:
        before, after: one row an item.
    """
    old = before.drop_duplicates(key, keep="last").set_index(key)
    new = after.drop_duplicates(key, keep="last").set_index(key)
    both = old.index.intersection(new.index)
    names = [name for name in features if name in old and name in new]
    texts = [name for name in names if not pd.api.types.is_numeric_dtype(old[name])]
    found = [one for name in texts for one in _of_items(name, old.loc[both, name], new.loc[both, name])]
    return tuple(sorted(found, key=lambda one: -one.lost))


def _of_items(name: str, was: pd.Series, now: pd.Series) -> Iterator[Renamed]:
    was, now = (values.astype("string").fillna("") for values in (was, now))
    counts, left = was.value_counts(), now.value_counts()
    for old, count in counts.items():
        if count < LEAST_ITEMS or old in NOT_SET or left.get(old, 0) > GONE * count:
            continue
        heirs = now[was == old].value_counts()
        heir, same = str(heirs.index[0]), int(heirs.iloc[0])
        if heir not in NOT_SET and same >= SAME_ITEMS * count and counts.get(heir, 0) <= NEW * same:
            yield Renamed(name, str(old), heir, float(count), float(same))
