"""
From what was read to what is known of the cause.

Each step looks at one thing and adds evidence; a step that fails says so in a line of its own and takes no
other with it. The cause is named only when a step established it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pandas as pd

from domain.diagnosis.attribution import attribute_gap
from domain.diagnosis.cause import name_cause
from domain.diagnosis.features import Oddity, changes_of, compare_features
from domain.diagnosis.known import Known
from domain.diagnosis.localise import Localised, localise
from domain.diagnosis.material import Material
from domain.diagnosis.onset import find_onset
from domain.diagnosis.reproduction import reproduce
from domain.values import Diagnosis, Slice, name_slice

ODD = 3.0  # standard errors or spreads
NAMED_ITEMS = 50_000
STANDBY_MORE = 1.15  # a standby with this many times the rows shows that rows were lost on the way
RIGHT = 0.15  # relative change below which another table counts as right
NEAR_SECONDS = 6 * 3600


def diagnose(material: Material, seed: int = 0) -> Diagnosis:
    """
    The cause as far as the material establishes it, with the evidence, strongest first.

    A prediction is looked at through its launch calendar, all else through its metric, slices and items.
    """
    known = Known()
    for problem in material.problems:
        known.say("other", problem, 0.0)
    steps: list[tuple[str, Callable[[Material, Known, int], None]]] = [
        ("when it began", _when),
        ("which slices explain it", _where),
        ("which items are concerned", _concerned),
        ("what the last delivery changed", _changes),
        ("how the items differ from comparable ones", _oddities),
        ("what pulls the score down", _attributions),
        ("whether putting it back repairs it", _reproduction),
        ("other tables", _beside),
        ("what else happened", _events),
    ]
    for what, step in steps:
        try:
            step(material, known, seed)
        except Exception as error:  # noqa: BLE001 (one step must not take the others with it)
            known.say("other", f"{what[0].upper()}{what[1:]} could not be looked at: {error}", 0.0)
    return _conclude(material, known)


def _when(material: Material, known: Known, seed: int) -> None:
    if material.series is None:
        return
    known.onset = find_onset(material.series, material.finding.change)
    if known.onset is None:
        known.say("onset", "No single moment stands out at which it began", 0.3)
        return
    onset, unit = known.onset, material.finding.unit
    right = f"; last right at {material.clock(onset.last_right)}" if onset.last_right else ""
    known.say("onset", f"Since {material.clock(onset.since)}{right}", min(0.95, 0.6 + onset.evidence / 200))
    word = "less" if onset.missing_per_hour > 0 else "more"
    change = onset.change
    low, high = sorted((abs(change.low or 0), abs(change.high or 0)))
    known.say(
        "size",
        f"{abs(change.value or 0):.0f} % {word} than expected [{low:.0f}–{high:.0f}], "
        f"about {abs(onset.missing_per_hour):,.0f} {unit} an hour",
        0.7,
    )


def _where(material: Material, known: Known, seed: int) -> None:
    if material.cells is None or not material.dimensions:
        return
    known.slices = localise(material.cells, material.dimensions)
    if not known.slices:
        known.say("slices", "The change is alike in every declared slice", 0.4)
        return
    rows = tuple(
        (
            name_slice(found.slice),
            f"{found.observed:,.0f}",
            f"{found.expected:,.0f}",
            f"{100 * found.explains:.0f} %",
        )
        for found in known.slices
    )
    first = known.slices[0]
    known.say(
        "slices",
        f"{name_slice(first.slice)} explains {100 * first.explains:.0f} % of the change",
        0.75,
        (("slice", "observed", "expected", "explains"), *rows),
    )


def _concerned(material: Material, known: Known, seed: int) -> None:
    finding, items = material.finding, material.items
    if finding.subject is not None:
        known.concerned = (finding.subject,)
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


def _main_slice(own: Slice, found: tuple[Localised, ...]) -> Slice:
    return found[0].slice if found else own


def _changes(material: Material, known: Known, seed: int) -> None:
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


def _oddities(material: Material, known: Known, seed: int) -> None:
    rows = material.items
    if material.finding.subject is not None and material.launches is not None:
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
    told = odd[:1] if material.finding.subject is None else odd[:2]
    known.say(
        "feature",
        f"Against {odd[0].comparables:,} comparable {material.noun}: "
        + "; ".join(f"`{oddity.feature}` {oddity.words}" for oddity in told),
        0.85 if _unset_alone(odd[0]) else 0.6,
        (("feature", "how it differs"), *table),
    )


def _unset_alone(oddity: Oddity) -> bool:
    return oddity.unset > 0.5 * oddity.concerned and oddity.comparables_unset < 0.1 * oddity.comparables


def _attributions(material: Material, known: Known, seed: int) -> None:
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


def _reproduction(material: Material, known: Known, seed: int) -> None:
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


def _beside(material: Material, known: Known, seed: int) -> None:
    spare = material.standby
    if spare is not None and spare.rows_standby > 0:
        lost = 1 - spare.rows / spare.rows_standby
        words = (
            f"`{material.finding.table}` has {spare.rows:,.0f} rows, "
            f"its standby `{spare.table}` {spare.rows_standby:,.0f}"
        )
        verdict = f"{100 * lost:.0f} % were lost on the way" if lost > 0.1 else "nothing was lost on the way"
        known.say("history", f"{words}: {verdict}", 0.95 if lost > 0.1 else 0.5)
    for table, observed, expected in material.beside:
        off = observed / expected - 1 if expected else 0.0
        state = "as expected" if abs(off) < RIGHT else f"{off:+.0%} off too"
        known.say(
            "history", f"The same slice in `{table}` is {state} ({observed:,.0f} of {expected:,.0f})", 0.55
        )


def _events(material: Material, known: Known, seed: int) -> None:
    if known.onset is None:
        return
    near = [
        (moment, words)
        for moment, words in material.events
        if -900 <= (known.onset.since - moment).total_seconds() <= NEAR_SECONDS
    ]
    told = dict.fromkeys(
        f"{words} at {material.clock(moment)}" for moment, words in sorted(near, reverse=True)
    )
    for words in list(told)[:3]:
        known.say("change", words, 0.35)


def _items(known: Known) -> tuple[str, ...]:
    return known.change.items if known.change is not None and known.change.items else known.concerned


def _since(material: Material, known: Known, delivered: datetime | None) -> datetime | None:
    """The onset is known to a window; the cause's own moment is better where it lies in that window."""
    if known.onset is None:
        return delivered
    window = material.finding.window_end - material.finding.window_start
    within = delivered is not None and known.onset.since <= delivered <= known.onset.since + window
    return delivered if within else known.onset.since


def _conclude(material: Material, known: Known) -> Diagnosis:
    cause = name_cause(material, known)
    evidence = sorted(known.evidence, key=lambda line: -line.strength)
    slices = tuple(found.slice for found in known.slices)
    return Diagnosis(
        cause=cause.sentence,
        cause_kind=cause.kind,
        since=_since(material, known, cause.since),
        slices=slices or ((material.finding.slice,) if material.finding.slice else ()),
        items=cause.items[:NAMED_ITEMS],
        feature=cause.feature,
        suggested_value=cause.value,
        evidence=tuple(evidence),
    )
