"""When a check is due: at times that a cron expression names, or when its table is updated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator

UPDATED = "updated"
MINUTE = timedelta(minutes=1)


def _known(written: str) -> str:
    if written == UPDATED:
        return written
    try:
        CronSim(written, datetime(2026, 1, 1))  # noqa: DTZ001 - only to see whether it can be read
    except CronSimError:
        raise ValueError(
            "is no schedule; write minute, hour, day, month and weekday, "
            f'for instance "15 6 * * *", or "{UPDATED}"'
        ) from None
    return written


Schedule = Annotated[str, AfterValidator(_known)]
"""A cron expression in the recommender's time zone, or `updated`: once the newest window has a row."""


def newest(schedule: str, at: datetime, zone: ZoneInfo) -> datetime:
    """
    The latest moment that the cron expression names, not after `at`.

    An hour that the clocks skip or repeat counts once, as in Debian's cron.

    >>> utc = ZoneInfo("UTC")
    >>> newest("15 6 * * *", datetime(2026, 11, 25, 6, 14, tzinfo=utc), utc).isoformat()
    '2026-11-24T06:15:00+00:00'
    """
    local = at.astimezone(zone).replace(second=0, microsecond=0) + MINUTE
    return next(CronSim(schedule, local, reverse=True)).astimezone(at.tzinfo)


def moments(schedule: str, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments in (start, end] that the cron expression names, the earliest first."""
    for moment in CronSim(schedule, start.astimezone(zone)):
        if moment > end:
            return
        if moment > start:
            yield moment.astimezone(start.tzinfo)
