"""Days on which people do not live as on others of their weekday."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from domain.values import Value

SUNDAY = 6


class Holidays(Value):
    """
    The local `days` that a team says are holidays; `rest` is the weekday (0: Monday) that an unknown holiday
    is taken to be like: the last day of the weekend there.
    """

    days: frozenset[date] = frozenset()
    rest: int = Field(default=SUNDAY, ge=0, le=6)


NO_HOLIDAYS = Holidays()
