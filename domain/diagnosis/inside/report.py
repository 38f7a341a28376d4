"""What goes on inside the model, as evidence."""

from __future__ import annotations

from domain.diagnosis.inside.expectations import ROWS, broken_by
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.errors import sanitized


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
