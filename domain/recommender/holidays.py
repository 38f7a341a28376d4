"""Days on which people behave unlike other days of the same weekday."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from domain.values import Value

SUNDAY = 6


class Holidays(Value):
    """
    The local `days` that a team declares as holidays; `rest` is the weekday (0: Monday) that an unknown
    holiday is taken to resemble: the last day of the local weekend.
    """

    days: frozenset[date] = frozenset()
    rest: int = Field(default=SUNDAY, ge=0, le=6)


NO_HOLIDAYS = Holidays()
