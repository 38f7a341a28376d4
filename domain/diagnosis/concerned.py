"""
The items concerned: which they are, what sets them apart, and whether putting it back repairs them.

Each step looks at one thing in the material and adds what it found to what is known.
"""

from __future__ import annotations

import pandas as pd

from domain.diagnosis.attribution import attribute_gap
from domain.diagnosis.features import Oddity, changes_of, compare_features
from domain.diagnosis.known import Known
from domain.diagnosis.localise import Localised
from domain.diagnosis.material import Material
from domain.diagnosis.reproduction import reproduce
from domain.values import Slice

ODD = 3.0  # standard errors or spreads


def find_concerned(material: Material, known: Known, seed: int) -> None:
    """Which items the finding is about; none where it cannot be told from their features."""
    finding, items = material.finding, material.items
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


def tell_changes(material: Material, known: Known, seed: int) -> None:
    """What the last delivery before the onset changed in them."""
    taken = material.snapshots
    if taken is None or not known.concerned:
        return
    changes = changes_of(taken.before, taken.after, material.key, material.features, known.concerned)
    when = material.clock(taken.delivered_at)
    if not changes:
        known.say(
            "change", f"The delivery at {when} changed no feature of the {material.noun} concerned", 0.3
        )
        return
    known.change = changes[0]
    for change in changes:
        what = "lost its value" if change.unset else "changed"
        count = change.unset or change.changed
        if change.concerned == 1:
            words = f"`{change.feature}` {what} with the delivery at {when}; before it was {change.former}"
        else:
            words = (
                f"`{change.feature}` {what} for {count:,} of {change.concerned:,} {material.noun} "
                f"with the delivery at {when}; before it was {change.former} for "
                f"{100 * change.former_share:.0f} %"
            )
        known.say("change", words, 0.9 if change.unset else 0.6)


def tell_oddities(material: Material, known: Known, seed: int) -> None:
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
    odd = [oddity for oddity in found if oddity.distance >= ODD or _unset_alone(oddity)]
    odd.sort(key=lambda oddity: (not _unset_alone(oddity), -oddity.distance))
    if not odd:
        known.say("feature", f"No feature sets them apart from comparable {material.noun}", 0.4)
        return
    known.oddity = odd[0]
    table = tuple((oddity.feature, oddity.words) for oddity in odd[:6])
    told = odd[:1] if material.finding.item is None else odd[:2]
    known.say(
        "feature",
        f"Against {odd[0].comparables:,} comparable {material.noun}: "
        + "; ".join(f"`{oddity.feature}` {oddity.words}" for oddity in told),
        0.85 if _unset_alone(odd[0]) else 0.6,
        (("feature", "how it differs"), *table),
    )


def tell_attributions(material: Material, known: Known, seed: int) -> None:
    """Which feature pulls their score down, against the other candidates."""
    rows, columns, model = material.candidates, material.columns, material.model
    if rows is None or columns is None or model is None or not known.concerned:
        return
    inside = rows[columns.item].astype(str).isin(set(_items(known)))
    if not inside.any():
        known.say("attribution", f"None of the {material.noun} concerned was a candidate in the log", 0.2)
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
            0.65,
            (("feature", "pull"), *table),
        )


def tell_reproduction(material: Material, known: Known, seed: int) -> None:
    """Whether the same model shows them again with the changed feature put back."""
    change, rows, columns = known.change, material.candidates, material.columns
    if (
        change is None
        or rows is None
        or columns is None
        or material.model is None
        or material.snapshots is None
    ):
        return
    old = material.snapshots.before.set_index(material.key)[change.feature].dropna().astype(str)
    former = {str(item): old[item] for item in change.items if item in old.index}
    answer = reproduce(rows, material.candidates_before, columns, material.model, change.feature, former)
    if answer is None:
        known.say(
            "reproduction",
            f"`{change.feature}` does not reach the model: putting it back changes nothing",
            0.3,
        )
        return
    known.repaired = answer.closes
    known.say(
        "reproduction",
        f"With `{change.feature}` put back, the same model shows them {answer.after:,.2f} times a request "
        f"instead of {answer.now:,.2f}: {100 * min(answer.closes, 1.0):.0f} % of the gap "
        f"(replay of {answer.requests:,} requests)",
        0.95 if answer.closes > 0.5 else 0.3,
    )


def _main_slice(own: Slice, found: tuple[Localised, ...]) -> Slice:
    return found[0].slice if found else own


def _unset_alone(oddity: Oddity) -> bool:
    return oddity.unset > 0.5 * oddity.concerned and oddity.comparables_unset < 0.1 * oddity.comparables


def _items(known: Known) -> tuple[str, ...]:
    return known.change.items if known.change is not None and known.change.items else known.concerned
