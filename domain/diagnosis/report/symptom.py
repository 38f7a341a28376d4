"""When it began, how much it is, and which slices explain it, as evidence."""

from __future__ import annotations

from domain.diagnosis.known import Known
from domain.diagnosis.localise import localise
from domain.diagnosis.material import Material
from domain.diagnosis.onset import alarm_of, find_onset
from domain.incident.comparison import adds_up
from domain.values import name_slice

COUNTERPART = 0.3  # share of what some lost that another must gain to be their counterpart


def report_onset(material: Material, known: Known, seed: int) -> None:
    """Since when, and how much an hour."""
    if material.series is None:
        known.outside_since = material.outside_since
        if known.outside_since is not None:
            known.say("onset", f"Outside what is usual since {material.clock(known.outside_since)}")
        return
    known.onset = find_onset(material.series, alarm_of(material.finding))
    if known.onset is None:
        known.say("onset", "No single moment stands out at which it began")
        return
    onset, unit = known.onset, material.finding.counted_in
    right = f"; last right at {material.clock(onset.last_right)}" if onset.last_right else ""
    known.say("onset", f"Since {material.clock(onset.since)}{right}")
    word = "less" if onset.missing_per_hour > 0 else "more"
    change = onset.change
    low, high = sorted((abs(change.low or 0), abs(change.high or 0)))
    by_hour = (
        f", about {abs(onset.missing_per_hour):,.0f} {unit} an hour" if adds_up(material.finding) else ""
    )
    known.say("size", f"{abs(change.value or 0):.0f} % {word} than expected [{low:.0f}–{high:.0f}]{by_hour}")


def report_slices(material: Material, known: Known, seed: int) -> None:
    """The fewest slices that the change lies in, and who gains what they lose."""
    if material.cells is None or not material.dimensions:
        return
    change = alarm_of(material.finding)
    known.slices = localise(
        material.cells,
        material.dimensions,
        exploded=material.exploded,
        falling=change < 0 if change else None,
    )
    if not known.slices:
        known.say("slices", "No declared slice stands out: it may be alike in all of them")
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
        first.explains,
        (("slice", "observed", "expected", "explains"), *rows),
    )
    _counterpart(material, known, change)


def _counterpart(material: Material, known: Known, change: float) -> None:
    """Who gains what these lose, or loses what they gain."""
    if material.cells is None or not change:
        return
    others = localise(
        material.cells, material.dimensions, most=1, exploded=material.exploded, falling=change > 0
    )
    lost = sum(found.observed - found.expected for found in known.slices)
    for found in others:
        gained = found.observed - found.expected
        if abs(gained) >= COUNTERPART * abs(lost):
            word = "gains" if gained > 0 else "loses"
            counterpart = f"{name_slice(found.slice)} {word} {abs(gained):,.0f} where these "
            known.say("slices", f"{counterpart}{'lose' if gained > 0 else 'gain'} {abs(lost):,.0f}")
