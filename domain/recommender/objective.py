"""What a recommender is for: what members choose, or a measure of it."""

from __future__ import annotations

from domain.values import Value


class Objective(Value):
    """
    What fixes are weighed by. `measure` is a number in the table of what was chosen, such as minutes; without
    it each choice counts one. `unit` is its word; without it the measure's name, or the table's.
    """

    measure: str | None = None
    unit: str | None = None
