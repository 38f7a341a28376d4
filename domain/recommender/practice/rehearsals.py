"""When the declared hotfixes are rehearsed, and past incidents replayed."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError, field_validator

from domain.recommender.keys.schedule import UPDATED, Schedule
from domain.values import Value

NEVER = "never"
_SCHEDULE: TypeAdapter[str] = TypeAdapter(Schedule)


class Rehearsals(Value):
    """`schedule`: a cron expression in the recommender's time zone; `never` if only people rehearse."""

    schedule: str = "15 5 * * *"
    """When: a cron expression in the recommender's time zone; `"never"` if only people rehearse."""

    @field_validator("schedule")
    @classmethod
    def _at_times(cls, written: str) -> str:
        try:
            known = written if written == NEVER else _SCHEDULE.validate_python(written)
        except ValidationError:
            known = UPDATED
        if known == UPDATED:
            raise ValueError(
                f"{written!r} is no schedule; write minute, hour, day, month and weekday, for instance "
                f'"15 5 * * *", or "{NEVER}"'
            )
        return known


class Replays(Rehearsals):
    """When all incidents are replayed: a cron expression or `never`, as for rehearsals."""

    schedule: str = "45 4 * * *"
    """When: a cron expression in the recommender's time zone; `"never"` if only people replay."""
