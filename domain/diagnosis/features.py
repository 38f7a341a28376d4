"""Which feature of the items concerned is off: against their own past, and against comparable items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from domain.errors import TooFewRows
from domain.prediction.neighbours import is_numeric, nearest, robust_centre

POOL = 2_000  # items compared with at most; distances grow with the square
COMPARABLES = 5  # for each item concerned
LEAST_COMPARED = 40  # all together
CHANGED_SHARE = 0.2  # of the items concerned, from which a change is worth naming


@dataclass(frozen=True)
class Change:
    """What a delivery did to one feature of the items concerned. Shares are of those items, 0–1."""

    feature: str
    items: tuple[str, ...]
    unset: int
    changed: int
    concerned: int
    former: str | None
    former_share: float


@dataclass(frozen=True)
class Oddity:
    """One feature of the items concerned against comparables. `distance` is unitless, 0 when alike."""

    feature: str
    distance: float
    unset: int
    concerned: int
    comparables: int
    comparables_unset: int
    words: str


def changes_of(
    before: pd.DataFrame, after: pd.DataFrame, key: str, features: Sequence[str], concerned: Sequence[str]
) -> tuple[Change, ...]:
    """
    Features that changed for the items concerned between two snapshots, the most unset first.

    Args:
        before, after: one row an item.

    Returns:
        `items` are all items (concerned or not) whose value was lost in this feature, or else changed.
    """
    old = before.drop_duplicates(key, keep="last").set_index(key)
    new = after.drop_duplicates(key, keep="last").set_index(key)
    both = old.index.intersection(new.index)
    mine = both.intersection(pd.Index(list(concerned)))
    found = []
    for name in features:
        if name not in old or name not in new or mine.empty:
            continue
        was, now = old.loc[both, name], new.loc[both, name]
        lost = was.notna() & now.isna()
        differs = lost | (was.notna() & now.notna() & (was.astype(str) != now.astype(str)))
        touched = lost if lost[mine].sum() >= 0.5 * differs[mine].sum() else differs
        if touched[mine].sum() < CHANGED_SHARE * len(mine):
            continue
        values = was[mine][touched[mine]].astype(str).value_counts(normalize=True)
        found.append(
            Change(
                feature=name,
                items=tuple(sorted(str(item) for item in both[touched.to_numpy()])),
                unset=int(lost[mine].sum()),
                changed=int(differs[mine].sum()),
                concerned=len(mine),
                former=str(values.index[0]) if len(values) else None,
                former_share=float(values.iloc[0]) if len(values) else 0.0,
            )
        )
    return tuple(sorted(found, key=lambda change: (-change.unset, -change.changed, change.feature)))


def compare_features(
    items: pd.DataFrame,
    key: str,
    features: Sequence[str],
    concerned: Sequence[str],
    *,
    matched: Sequence[str] = (),
    seed: int = 0,
) -> tuple[Oddity, ...]:
    """
    Each feature of the items concerned against the items nearest in the remaining features, the oddest first.

    Args:
        matched: features that define the slice; they differ by construction and are left out.

    Raises:
        TooFewRows: fewer than 10 other items.

    Source:
        Leave-one-feature-out nearest neighbours; numbers by robust z, shares by standard errors.
    """
    mine = items[items[key].astype(str).isin(set(concerned))]
    others = items[~items[key].astype(str).isin(set(concerned))]
    if len(others) < 10 or mine.empty:
        raise TooFewRows(f"{len(mine)} items concerned and {len(others)} others: too few to compare")
    mine = mine.sample(min(len(mine), POOL // 4), random_state=seed)
    others = others.sample(min(len(others), POOL), random_state=seed)
    free = [name for name in features if name not in matched and name in items]
    found = []
    for name in free:
        rest = [other for other in free if other != name and mine[other].isna().mean() < 0.5]
        count = max(COMPARABLES, LEAST_COMPARED // len(mine))
        places = np.unique(nearest(mine, others, rest or free, count))
        found.append(_oddity(name, mine[name], others[name].iloc[places]))
    return tuple(sorted(found, key=lambda oddity: -oddity.distance))


def _oddity(name: str, mine: pd.Series, near: pd.Series) -> Oddity:
    unset, near_unset = int(mine.isna().sum()), int(near.isna().sum())
    pooled = (unset + near_unset + 1) / (len(mine) + len(near) + 2)
    error = np.sqrt(pooled * (1 - pooled) * (1 / len(mine) + 1 / len(near)))
    distance = abs(unset / len(mine) - near_unset / len(near)) / error
    alone = len(mine) == 1
    words = f"is not set for {unset:,} of {len(mine):,}, and for {near_unset:,} of {len(near):,} comparable"
    if alone:
        words = f"is not set, {len(near) - near_unset:,} of {len(near):,} have it"
    if is_numeric(mine) and mine.notna().any() and near.notna().any():
        middle, spread = robust_centre(near.to_numpy(float, na_value=np.nan))
        own = robust_centre(mine.to_numpy(float, na_value=np.nan))[0]
        off = abs(own - middle) / spread if spread > 0 else 0.0
        if off > distance:
            middling = "" if alone else "median "
            distance, words = off, f"is {middling}{own:,.3g} against {middle:,.3g} ({off:.1f} spreads off)"
    elif mine.notna().any() and near.notna().any() and not is_numeric(near):
        apart = _divergence(mine.dropna().astype(str), near.dropna().astype(str))
        if apart > distance:
            top = mine.dropna().astype(str).value_counts(normalize=True)
            share = "" if alone else f" for {100 * top.iloc[0]:.0f} %"
            distance, words = apart, f"is {top.index[0]}{share}, unlike comparable ones"
    return Oddity(name, float(distance), unset, len(mine), len(near), near_unset, words)


def _divergence(mine: pd.Series, near: pd.Series) -> float:
    """Total variation between the categories, in units of what two samples of this size differ by chance."""
    shares = pd.concat([mine.value_counts(normalize=True), near.value_counts(normalize=True)], axis=1).fillna(
        0.0
    )
    apart = 0.5 * float((shares.iloc[:, 0] - shares.iloc[:, 1]).abs().sum())
    chance = 0.5 * np.sqrt(len(shares)) * np.sqrt(1 / len(mine) + 1 / len(near))
    return float(apart / chance)
