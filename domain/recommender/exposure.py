"""What members were shown, and what they chose from it."""

from __future__ import annotations

from datetime import timedelta

from domain.recommender.keys.duration import Duration
from domain.values import Value


class Exposure(Value):
    """
    The table of what was `shown`, one row per item, and that of what was `chosen`; both name their item
    (`item` of the table), and `request` is a column of both that says which choice belongs to which row
    shown.

    `position` (1 is the first place) and `explored` are columns of `shown`; `explored` is true where chance
    alone picked the item among the eligible ones. `history` is how far back merit is learned from.
    """

    shown: str
    """Table of what was shown, one row per item."""
    chosen: str
    """Table of what was chosen, one row per item."""
    request: str
    """Column of both tables that says which choice belongs to which row shown."""
    position: str | None = None
    """Column of `shown` with the position; 1 is the first."""
    explored: str | None = None
    """Column of `shown` that is true where chance alone picked the item among the eligible ones."""
    history: Duration = timedelta(days=3)
    """How far back expected exposure is learned from; several launches should lie in it."""
