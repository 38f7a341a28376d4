"""
From what was read to what is known of the cause.

Each step looks at one thing and adds evidence; a step that fails says so in a line of its own and takes no
other with it. The cause is named only when a step established it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from domain.diagnosis.cause import name_cause
from domain.diagnosis.concerned import (
    find_concerned,
    tell_attributions,
    tell_changes,
    tell_oddities,
    tell_reproduction,
)
from domain.diagnosis.known import Known
from domain.diagnosis.localise import localise
from domain.diagnosis.material import Material
from domain.diagnosis.onset import find_onset
from domain.values import Diagnosis, name_slice

NAMED_ITEMS = 50_000
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
        ("which items are concerned", find_concerned),
        ("what the last delivery changed", tell_changes),
        ("how the items differ from comparable ones", tell_oddities),
        ("what pulls the score down", tell_attributions),
        ("whether putting it back repairs it", tell_reproduction),
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
    known.slices = localise(material.cells, material.dimensions, exploded=material.exploded)
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
        size = f"{abs(off):.0%}".replace("%", " %")
        state = "as usual" if abs(off) < RIGHT else f"{size} {'fewer' if off < 0 else 'more'} rows as well"
        known.say(
            "history", f"The same slice in `{table}`: {state} ({observed:,.0f} of {expected:,.0f})", 0.55
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
