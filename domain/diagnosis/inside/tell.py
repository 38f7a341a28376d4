"""What the model does against what its team expects, as evidence."""

from __future__ import annotations

from domain.diagnosis.inside.expectations import ROWS, broken_of
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material


def tell_expectations(material: Material, known: Known, seed: int) -> None:
    """Each expectation that does not hold, with the worst example; or that all of them do."""
    rows, columns, model = material.candidates, material.columns, material.model
    if rows is None or columns is None or model is None or not len(rows) or not material.expects:
        return
    found = broken_of(model, rows, columns.features, columns.item, material.expects, seed=seed)
    for one in found:
        known.say(
            "model",
            f"It is expected that the score {one.expected.words}. It is not so for {one.count:,} of "
            f"{one.rows:,} logged candidates: {one.example}",
            one.count / one.rows,
        )
    if not found:
        count, tried = len(material.expects), min(ROWS, len(rows))
        each = "The one thing that is" if count == 1 else f"All {count} things that are"
        known.say(
            "other", f"{each} expected of the model hold{'s' if count == 1 else ''} for {tried:,} candidates"
        )
