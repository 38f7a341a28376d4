"""What a recommender is for: what members choose, or a measure of it."""

from __future__ import annotations

from domain.values import Value


class Objective(Value):
    """
    What fixes are weighed by. `measure` is a number in the table of what was chosen, such as minutes; without
    it each choice counts one. `unit` is what that is called; by default the measure's name, or the table's.
    """

    measure: str | None = None
    """A number in the table of what was chosen, such as minutes; by default each choice counts one."""
    unit: str | None = None
    """What it is called; by default the measure's name, or the table's."""
