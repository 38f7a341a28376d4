"""What goes on inside the model, as evidence."""

from __future__ import annotations

import pandas as pd

from domain.diagnosis.inside.expectations import ROWS, broken_by
from domain.diagnosis.inside.layers import Layer, Parting, parting_of
from domain.diagnosis.inside.surrogate import Surrogate, surrogate_of
from domain.diagnosis.items.attribution import only_called
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.errors import sanitized

FEW = 20  # candidates, enough to see what kind of model it is
LEADING = 3  # features in the line; the table has more


def report_expectations(material: Material, known: Known, seed: int) -> None:
    """Each expectation that does not hold, with the worst example; and how many do."""
    rows, columns, model = material.candidates, material.columns, material.model
    if rows is None or columns is None or model is None or not len(rows):
        return
    held = 0
    for expected in material.expects:
        try:
            broken = broken_by(model, rows, columns.features, columns.item, expected, seed=seed)
        except Exception as error:  # noqa: BLE001 (a model may raise anything; the others are tried)
            known.say("other", f"Whether the score {expected.words} could not be tried: {sanitized(error)}")
            continue
        if broken is None:
            held += 1
            continue
        known.say(
            "model",
            f"It is expected that the score {expected.words}. It is not so for {broken.count:,} of "
            f"{broken.rows:,} logged candidates: {broken.example}",
            broken.count / broken.rows,
        )
    if held:
        tried = min(ROWS, len(rows))
        known.say(
            "other",
            f"{held} of {len(material.expects)} things that are expected of the model hold "
            f"for {tried:,} logged candidates",
        )


def report_surrogate(material: Material, known: Known, seed: int) -> None:
    """For a model that can only be called: what moves its score near the items concerned, and how surely."""
    columns, model, sides = material.columns, material.model, _sides(material, known)
    if columns is None or model is None or sides is None:
        return
    mine, others = (side[list(columns.features)] for side in sides)
    few = others.head(FEW)
    if not only_called(model, pd.concat([mine.head(FEW), few], ignore_index=True), few):
        return
    found = surrogate_of(model, mine, others, columns.features, seed=seed)
    held = f"R² {found.fidelity:.2f} on {found.held_out:,} held-out mixtures with comparable candidates"
    if not found.trusted:
        known.say(
            "other",
            f"A local surrogate of the model, a sum of {len(found.pulls)} features, is not to be trusted "
            f"around them ({held}): what one feature does there depends on the others",
        )
        return
    known.say(
        "attribution",
        f"Near them a local surrogate gives the model's score as a sum: {_leading(found)} ({held})",
        min(max(found.fidelity, 0.0), 1.0),
        (("feature", "pull"), *((name, f"{part:+.2f}") for name, part in found.pulls)),
    )


def _leading(found: Surrogate) -> str:
    """The features that account for most of the gap, the largest first."""
    most = sorted(found.pulls, key=lambda pair: -abs(pair[1]))[:LEADING]
    named = ", ".join(f"`{name}` {part:+.2f}" for name, part in most)
    return f"{named}, of {found.gap:+.2f} against comparable ones"


def report_layers(material: Material, known: Known, seed: int) -> None:
    """At which layer of a network the items concerned part from comparable ones."""
    columns, model, sides = material.columns, material.model, _sides(material, known)
    if columns is None or model is None or sides is None:
        return
    found = parting_of(model, *sides, columns.features, columns.item, seed=seed)
    if found is None:
        return
    table = (
        ("layer", "deviations apart", "by chance", "p", "most in"),
        *(
            (one.name, f"{one.apart:.1f}", f"{one.by_chance:.1f}", f"{one.p_value:.3f}", _units(one))
            for one in found.layers
        ),
    )
    who = f"{found.comparables:,} comparable {material.noun}"
    first = found.first
    if first is None:
        known.say(
            "other",
            f"At no layer of the network do they part from {who} by more than chance does "
            f"({len(found.layers)} layers, the least p {min(one.p_value for one in found.layers):.3f})",
            None,
            table,
        )
        return
    known.say("attribution", f"In the network they part from {who} {_where(found, first)}", None, table)


def _where(found: Parting, first: Layer) -> str:
    numbers = (
        f"{first.apart:.1f} standard deviations apart, {first.by_chance:.1f} by chance, p = "
        f"{first.p_value:.3f}"
    )
    if first is found.layers[0]:
        return f"at its inputs already ({numbers}), most in {_units(first)}"
    last = len(found.layers) - 1
    return f"first at {first.name} of {last} ({numbers}), most in its units {_units(first)}"


def _units(layer: Layer) -> str:
    marked = layer.name == "inputs"
    return ", ".join(f"{f'`{name}`' if marked else name} ({off:+.1f})" for name, off in layer.units)


def _sides(material: Material, known: Known) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Logged candidates of the items concerned, and the others; None where there are none on a side."""
    rows, columns = material.candidates, material.columns
    if rows is None or columns is None or not known.concerned:
        return None
    inside = rows[columns.item].astype(str).isin(set(known.at_fault))
    return (rows[inside], rows[~inside]) if inside.any() and not inside.all() else None
