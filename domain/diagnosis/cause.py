"""One sentence for the cause, or none: what the steps established, in order of how directly they show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.prediction.neighbours import nearest
from domain.values import name_slice

Kind = Literal["feature", "feed", "launch", "model", "unknown"]
LOST = 0.1  # share of rows that a standby has more
UNREPAIRED = 0.2  # a feature whose return closes less of the gap is not the cause
LIKE_IT = 15


@dataclass(frozen=True)
class Cause:
    """The sentence, and what a hotfix needs to know. `since`: where the cause itself has a moment."""

    sentence: str | None
    kind: Kind = "unknown"
    feature: str | None = None
    value: str | None = None
    items: tuple[str, ...] = ()
    since: datetime | None = None


def name_cause(material: Material, known: Known) -> Cause:
    """The first of: a lost or changed feature, a feed that lost rows, a launch out of line; else none."""
    for attempt in (_feature_changed, _feed_lost, _feature_unset, _launch):
        cause = attempt(material, known)
        if cause is not None:
            return cause
    return Cause(None, items=known.concerned)


def _feature_changed(material: Material, known: Known) -> Cause | None:
    change, taken = known.change, material.snapshots
    if change is None or taken is None or (known.repaired is not None and known.repaired < UNREPAIRED):
        return None
    if known.repaired is None and not change.unset:
        return None
    count = change.unset or change.changed
    when = material.clock(taken.delivered_at)
    what = "is not set" if change.unset else "is another"
    alike = ""
    if known.oddity is not None and known.oddity.feature == change.feature and change.unset:
        odd = known.oddity
        alike = f"; {odd.comparables_unset:,} of {odd.comparables:,} comparable {material.noun} lack it"
    if material.finding.item is not None:
        sentence = (
            f"`{change.feature}` of this launch {what} since the catalogue delivery at {when}; "
            f"before it was {change.former}{alike}"
        )
        return Cause(sentence, "feature", change.feature, change.former, known.concerned, taken.delivered_at)
    sentence = (
        f"`{change.feature}` {what} for {count:,} of {change.concerned:,} {material.noun} since the "
        f"catalogue delivery at {when}; before it was {change.former} for "
        f"{100 * change.former_share:.0f} %{alike}"
    )
    return Cause(sentence, "feature", change.feature, change.former, change.items, taken.delivered_at)


def _feed_lost(material: Material, known: Known) -> Cause | None:
    spare = material.standby
    if spare is None or spare.rows_standby <= 0 or spare.rows > (1 - LOST) * spare.rows_standby:
        return None
    where = known.slices[0].slice if known.slices else material.finding.slice
    since = f" since {material.clock(known.onset.since)}" if known.onset else ""
    lost = 100 * (1 - spare.rows / spare.rows_standby)
    sentence = (
        f"The feed of `{material.finding.table}` loses {lost:.0f} % of the rows of {name_slice(where)}{since}"
        f"; its standby `{spare.table}` is complete"
    )
    return Cause(sentence, "feed", items=known.concerned)


def _feature_unset(material: Material, known: Known) -> Cause | None:
    """No delivery shows the change, but comparable items all have what these lack."""
    odd = known.oddity
    if odd is None or odd.unset <= 0.5 * odd.concerned or odd.comparables_unset > 0.1 * odd.comparables:
        return None
    single = material.finding.item is not None
    who = (
        f"this one of the {material.noun}"
        if single
        else f"{odd.unset:,} of {odd.concerned:,} {material.noun}"
    )
    value, basis = _usual_value(material, known, odd.feature)
    sentence = (
        f"`{odd.feature}` is not set for {who}; "
        f"{odd.comparables_unset:,} of {odd.comparables:,} comparable {material.noun} lack it{basis}"
    )
    return Cause(sentence, "feature", odd.feature, value, known.concerned)


def _launch(material: Material, known: Known) -> Cause | None:
    if material.finding.kind != "predicted" or material.finding.item is None:
        return None
    if known.oddity is None:
        return None
    sentence = f"`{known.oddity.feature}` of this launch is out of line: it {known.oddity.words}"
    return Cause(sentence, "launch", known.oddity.feature, None, known.concerned)


def _usual_value(material: Material, known: Known, feature: str) -> tuple[str | None, str]:
    """The value that it had before, else the one most common among the nearest."""
    rows = material.launches if material.finding.item is not None else material.items
    if rows is None:
        return None, ""
    taken = material.snapshots
    if taken is not None and feature in taken.before:
        mine = taken.before[taken.before[material.key].astype(str).isin(set(known.concerned))]
        had = mine[feature].dropna().astype(str)
        if len(had):
            return str(
                had.mode().iloc[0]
            ), f"; on {material.clock(taken.previous_at)} it was {had.mode().iloc[0]}"
    mine = rows[rows[material.key].astype(str).isin(set(known.concerned))]
    others = rows[~rows[material.key].astype(str).isin(set(known.concerned)) & rows[feature].notna()]
    rest = [
        name for name in material.features if name != feature and name in rows and mine[name].notna().any()
    ]
    if others.empty or not rest or pd.api.types.is_numeric_dtype(rows[feature]):
        return None, ""
    places = np.unique(nearest(mine.head(50), others, rest, LIKE_IT))
    usual = others[feature].iloc[places].astype(str).value_counts(normalize=True)
    return str(usual.index[0]), f"; {100 * usual.iloc[0]:.0f} % of the nearest have {usual.index[0]}"
