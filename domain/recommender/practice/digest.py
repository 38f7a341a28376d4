"""When and where the scorecard is posted automatically, once a week."""

from __future__ import annotations

import re

from pydantic import field_validator

from domain.recommender.keys.nearest import nearest
from domain.recommender.route import DAYS
from domain.values import Value

EXAMPLE = '"mon 09:00"'
_WEEKLY = re.compile(r"(\S+) +([01][0-9]|2[0-3]):([0-5][0-9])")


class Digest(Value):
    """The scorecard of the week in the chat. Nothing is posted where `weekly` is not given."""

    weekly: str | None = None
    """Weekday and time of day in the recommender's time zone, such as `"mon 09:00"`."""
    channel: str | None = None
    """Channel that it is posted in; by default the default one of `[routes]`."""

    @field_validator("weekly")
    @classmethod
    def _day_and_time(cls, written: str | None) -> str | None:
        if written is None:
            return None
        day = written.split(" ", 1)[0]
        if day not in DAYS and day[:1].isalpha():
            raise ValueError(f'"{day}" is no weekday; {nearest(day.lower(), DAYS)}')
        if day not in DAYS or _WEEKLY.fullmatch(written) is None:
            raise ValueError(f"write a weekday and a time of day, for instance {EXAMPLE}")
        return written

    @property
    def schedule(self) -> str | None:
        """
        The same as a cron expression; None where nothing is posted.

        >>> Digest(weekly="mon 09:00").schedule
        '0 9 * * mon'
        """
        found = _WEEKLY.fullmatch(self.weekly or "")
        return f"{int(found[3])} {int(found[2])} * * {found[1]}" if found else None
