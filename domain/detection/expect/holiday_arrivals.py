"""
On which holidays nothing arrives, and which deliveries of a timetable are not due on them.

What arrives on a holiday is what arrived on the holidays before it, as far as the past reaches; if it reaches
none, what arrives on the day of rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from domain.detection.data.arrivals import Floats
from domain.detection.expect.timetable import AHEAD_SECONDS, Slot, Spans, Timetable
from domain.recommender.holidays import Holidays

DAY = timedelta(days=1)
MOSTLY = 0.5  # of the days that a holiday is compared with: due if it came on at least this share


def holiday_spans(times: Floats, at: float, zone: ZoneInfo, holidays: Holidays) -> Spans:
    """(since, until), unix seconds, of the holidays from the first of `times` (n,) to a while after `at`."""
    if not holidays.days or not len(times):
        return ()
    first, last = _day(float(times[0]), zone), _day(at + AHEAD_SECONDS, zone)
    return tuple(_span(day, zone) for day in sorted(holidays.days) if first <= day <= last)


def quiet_spans(times: Floats, at: float, zone: ZoneInfo, holidays: Holidays) -> Spans:
    """Those spans in which nothing at all is to be expected."""
    found = []
    for since, until in holiday_spans(times, at, zone, holidays):
        alike = [_span(day, zone) for day in _alike(times, since, zone, holidays)]
        if alike and np.mean([_any(times, *span) for span in alike]) < MOSTLY:
            found.append((since, until))
    return tuple(found)


def not_due(
    table: Timetable, times: Floats, at: float, zone: ZoneInfo, holidays: Holidays
) -> tuple[float, ...]:
    """
    The times in a timetable at which nothing comes because of a holiday, unix seconds.

    Args:
        times: (n,) of complete deliveries, ascending.
    """
    found = list[float]()
    newest = float(times[-1]) if len(times) else at
    for since, until in holiday_spans(times, at, zone, holidays):
        if until < newest:
            continue  # it is over, and something came since
        alike = _alike(times, since, zone, holidays)
        for moment, place in zip(*table.due(since, until), strict=True):
            slot = table.slots[int(place)]
            clock = datetime.fromtimestamp(moment, zone).timetz().replace(tzinfo=None)
            came = [_came(times, day, _moment(day, clock, zone), slot, zone) for day in alike]
            if came and np.mean(came) < MOSTLY:
                found.append(float(moment))
    return tuple(found)


def _came(times: Floats, day: date, due: float, slot: Slot, zone: ZoneInfo) -> bool:
    """Whether something came on that day as it does in the slot."""
    begin, end = _span(day, zone)
    return _any(times, max(due - slot.early, begin), min(due + slot.late, end))


def _alike(times: Floats, holiday: float, zone: ZoneInfo, holidays: Holidays) -> Sequence[date]:
    """The days that a holiday is compared with: complete days of the past, holidays or else days of rest."""
    first, last = _day(float(times[0]), zone) + DAY, _day(holiday, zone) - DAY
    last = min(last, _day(float(times[-1]), zone))
    past = [first + one * DAY for one in range((last - first).days + 1)]
    seen = [day for day in past if day in holidays.days]
    return seen or [day for day in past if day.weekday() == holidays.rest]


def _any(times: Floats, since: float, until: float) -> bool:
    return bool(np.searchsorted(times, until, side="right") > np.searchsorted(times, since))


def _day(moment: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(moment, zone).date()


def _span(day: date, zone: ZoneInfo) -> tuple[float, float]:
    return _moment(day, time(), zone), _moment(day + DAY, time(), zone)


def _moment(day: date, clock: time, zone: ZoneInfo) -> float:
    return datetime.combine(day, clock, zone).astimezone(UTC).timestamp()
