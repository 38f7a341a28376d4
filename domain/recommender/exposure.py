"""What members were shown, and what they chose of it."""

from __future__ import annotations

from datetime import timedelta

from domain.recommender.keys.duration import Duration
from domain.values import Value


class Exposure(Value):
    """
    The table of what was `shown`, a row an item, and of what was `chosen`; both name their item (`item` of
    the table), and `request` is a column of both that says which choice belongs to which row shown.

    `position` (1 the first place) and `explored` are columns of `shown`; `explored` is true where chance
    alone picked the item among those that came into question. `history` is how far back merit is learned
    from.
    """

    shown: str
    chosen: str
    request: str
    position: str | None = None
    explored: str | None = None
    history: Duration = timedelta(days=3)
