"""
The items concerned: which they are, what sets them apart, and whether putting that back repairs them.

Each step looks at one thing in the material and adds what it found to what is known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from domain.diagnosis.changes.delivered import MOSTLY, SURE, Delivered, delivered
from domain.diagnosis.items.attribution import attribute_gap
from domain.diagnosis.items.features import Oddity, compare_features
from domain.diagnosis.known import Known
from domain.diagnosis.localise import Localised
from domain.diagnosis.material import Material
from domain.diagnosis.reproduction import reproduce
from domain.errors import TooFewRows
from domain.prediction.neighbours import nearest
from domain.values import Slice

ODD = 3.0  # standard errors or spreads
UNLIKE, ALIKE = 0.2, 0.5  # share of the items concerned, to report a change unlike that of others, or like it
LIKE_IT = 15


def find_concerned(material: Material, known: Known, seed: int) -> None:
    """Which items the finding is about; none where their features do not say."""
    finding, items = material.finding, _items(material)
    if finding.item is not None:
        known.concerned = (finding.item,)
        return
    if items is None:
        return
    inside = pd.Series(True, index=items.index)
    used = False
    for dimension, value in _main_slice(finding.slice, known.slices):
        if dimension in items:
            inside &= items[dimension].astype(str) == value
            used = True
    known.concerned = tuple(items.loc[inside, material.key].astype(str)) if used else ()


def _items(material: Material) -> pd.DataFrame | None:
    """The items, with those dimensions of the finding that only what is delivered has."""
    items, taken = material.items, material.snapshots
    if items is None or taken is None or material.key not in items:
        return items
    own = [name for name, _ in material.finding.slice if name not in items and name in taken.before]
    was = taken.before.drop_duplicates(material.key, keep="last")
    was.index = was[material.key].astype(str)
    return items.assign(**{name: items[material.key].astype(str).map(was[name]) for name in own})


def report_changes(material: Material, known: Known, seed: int) -> None:
    """What the last delivery before the onset broke, and how much of that in the items concerned."""
    taken = material.snapshots
    if taken is None:
        return
    own = (str(name) for name in taken.before if material.finding.is_of(str(name)))
    features = tuple(dict.fromkeys((*material.features, *own)))
    known.delivered = delivered(
        taken.before,
        taken.after,
        material.key,
        features,
        known.concerned,
        _labels(material),
        material.finding.slice,
    )
    if not known.concerned:
        return
    mine = set(known.concerned)
    held = [set(frame[material.key].astype(str)) for frame in (taken.before, taken.after)]
    size = len(mine & held[0] & held[1])
    when = material.clock(taken.delivered_at)
    for change in known.delivered:
        count = len(mine & set(change.items))
        if size and count >= (UNLIKE if change.apart >= SURE else ALIKE) * size:
            known.change = known.change or change
            known.say("change", _change_words(change, count, size, material.noun, when), count / size)
    if known.change is None:
        known.say(
            "change",
            f"The delivery at {when} changed no feature of the {material.noun} concerned "
            "unlike those of others",
        )


def _labels(material: Material) -> pd.DataFrame | None:
    """What the items can be sliced by, including the dimensions of the finding."""
    items = _items(material)
    if items is None or material.key not in items:
        return None
    names = dict.fromkeys((*material.dimensions, *(name for name, _ in material.finding.slice)))
    return items[[material.key, *(name for name in names if name in items and name != material.key)]]


def _change_words(change: Delivered, count: int, size: int, noun: str, when: str) -> str:
    before = f"; before it was {change.former}" if change.former_share >= MOSTLY else ""
    what = "lost its value" if change.unset else "was left as it was" if change.stale else "changed"
    if size == 1:
        return f"`{change.feature}` {what} with the delivery at {when}{before}"
    others = ", unlike that of others" if change.stale else ""
    often = f"{before} for {100 * change.former_share:.0f} %" if before else ""
    who = f"{count:,} of {size:,} {noun}"
    return f"`{change.feature}` {what} for {who} with the delivery at {when}{others}{often}"


def report_oddities(material: Material, known: Known, seed: int) -> None:
    """How they differ from comparable items."""
    rows = material.items
    if material.finding.item is not None and material.launches is not None:
        rows = material.launches
    if rows is None or not known.concerned:
        return
    matched = [name for name, _ in _main_slice(material.finding.slice, known.slices)]
    found = compare_features(
        rows, material.key, material.features, known.concerned, matched=matched, seed=seed
    )
    odd = [oddity for oddity in found if oddity.distance >= ODD or unset_alone(oddity)]
    if not odd:
        known.say("feature", f"No feature sets them apart from comparable {material.noun}")
        return
    always = _odd_before(material, known, matched, seed)
    odd.sort(key=lambda one: (not unset_alone(one), one.feature in always, -one.distance))
    known.oddity = odd[0]
    table = tuple((one.feature, one.words + always.get(one.feature, "")) for one in odd[:6])
    reported = odd[:1] if material.finding.item is None else odd[:2]
    known.say(
        "feature",
        f"Against {odd[0].comparables:,} comparable {material.noun}: "
        + "; ".join(f"`{one.feature}` {one.words}{always.get(one.feature, '')}" for one in reported),
        odd[0].unset / odd[0].concerned if unset_alone(odd[0]) else None,
        (("feature", "how it differs"), *table),
    )


def _odd_before(material: Material, known: Known, matched: Sequence[str], seed: int) -> dict[str, str]:
    """Features by which the same items were already odd before the last delivery: that is their nature."""
    taken = material.snapshots
    if taken is None or material.finding.item is not None:
        return {}
    names = [name for name in material.features if name in taken.before]
    try:
        was = compare_features(taken.before, material.key, names, known.concerned, matched=matched, seed=seed)
    except TooFewRows:  # all of them are new: nothing was known of them
        return {}
    words = f", as before the delivery at {material.clock(taken.delivered_at)}"
    return {one.feature: words for one in was if one.distance >= ODD or unset_alone(one)}


def report_attributions(material: Material, known: Known, seed: int) -> None:
    """Which feature pulls their score down, against the other candidates."""
    rows, columns, model = material.candidates, material.columns, material.model
    if rows is None or columns is None or model is None or not known.concerned:
        return
    inside = rows[columns.item].astype(str).isin(set(known.at_fault))
    if not inside.any():
        known.say("attribution", f"None of the {material.noun} concerned was a candidate in the log")
        return
    parts = attribute_gap(model, rows[inside], rows[~inside], columns.features, seed=seed)
    gap = sum(part for _, part in parts)
    table = tuple((name, f"{part:+.2f}") for name, part in parts)
    name, part = parts[0]
    if part < 0:
        known.say(
            "attribution",
            f"The model scores them {gap:+.2f} against other candidates; "
            f"`{name}` pulls the most ({part:+.2f})",
            None,
            (("feature", "pull"), *table),
        )


def report_reproduction(material: Material, known: Known, seed: int) -> None:
    """Whether the same model shows them again with the changed feature put back."""
    change, rows, columns = known.change, material.candidates, material.columns
    if change is None or rows is None or columns is None or material.model is None:
        return
    answer = reproduce(
        rows, material.candidates_before, columns, material.model, change.feature, change.right
    )
    if answer is None:
        known.say(
            "reproduction",
            f"`{change.feature}` does not reach the model: putting it back changes nothing",
        )
        return
    known.repaired = answer.closes
    known.say(
        "reproduction",
        f"With `{change.feature}` put back, the same model shows them {answer.after:,.2f} times a request "
        f"instead of {answer.now:,.2f}: {100 * min(answer.closes, 1.0):.0f} % of the gap "
        f"(replay of {answer.requests:,} requests)",
        min(answer.closes, 1.0),
    )


def _main_slice(own: Slice, found: tuple[Localised, ...]) -> Slice:
    return found[0].slice if found else own


def unset_alone(oddity: Oddity) -> bool:
    """Whether most of those concerned lack it, and hardly any comparable one."""
    return oddity.unset > 0.5 * oddity.concerned and oddity.comparables_unset < 0.1 * oddity.comparables


def usual_value(material: Material, known: Known, feature: str) -> tuple[str | None, str]:
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
