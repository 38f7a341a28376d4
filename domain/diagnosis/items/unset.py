"""The items that lack a feature now, in a catalogue that keeps no history."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from domain.diagnosis.material import Material
from domain.values import Slice

LEAST_ALIKE = 5  # items, fewer of which have a value in common by chance


@dataclass(frozen=True)
class Unset:
    """Items by their keys, out of how many, and what all of them and few others have in common."""

    items: tuple[str, ...]
    of: int
    place: Slice


def unset_items(material: Material, feature: str) -> Unset | None:
    """
    The items without the feature, if they are the ones that the finding's rows name. A row's own column of
    that name may be unset for another reason.
    """
    items = material.items
    if items is None or feature not in items or not material.item_feature:
        return None
    lacking = items[feature].isna() | (items[feature].astype(str) == "")
    if not lacking.any():
        return None
    keys = tuple(items.loc[lacking, material.key].astype(str))
    return Unset(keys, len(items), _in_common(items, lacking, material.features, feature))


def _in_common(
    items: pd.DataFrame, lacking: pd.Series[bool], features: tuple[str, ...], feature: str
) -> Slice:
    """The one value of another feature that all of them have, and fewest others; () where there is none."""
    if lacking.sum() < LEAST_ALIKE:
        return ()
    fewest, common = len(items) // 2, Slice()
    for name in features:
        if name == feature or name not in items:
            continue
        values = items.loc[lacking, name]
        with_it = int((items[name] == values.iloc[0]).sum())
        if values.notna().all() and values.nunique() == 1 and with_it <= fewest:
            fewest, common = with_it, ((name, str(values.iloc[0])),)
    return common
