"""What a check looks at, and when: its windows, its past and its slices, with all lengths of time settled."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.detection.checks import CHECKS, METRICS, SKEW
from domain.detection.window import Grid, grid_until, last_end
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.schedule import UPDATED, newest
from domain.recommender.table import Table
from workers import model_quality, quality
from workers.merited import AGAINST_MERIT
from workers.sources.count import zone_of
from workers.sources.ranking import with_places

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
WEEK_SECONDS = 604_800.0
MAX_BINS = 20_000
KINDS = (*CHECKS, "freshness", *METRICS, *quality.KINDS, *model_quality.KINDS)
SLICED = ("slice_volume", AGAINST_MERIT, *quality.SLICED, *model_quality.SLICED)
SERIES_DAYS = 56 * DAY  # how far back a series learns from,
SERIES_WINDOWS = (182, 8_064)  # and how many windows that may be


@dataclass(frozen=True)
class Plan:
    """One check of one table with its lengths of time settled."""

    check: Check
    table: Table
    window: timedelta
    every: timedelta
    history: timedelta
    dimensions: tuple[str, ...] = field(default=())


def window_checks(recommender: Recommender) -> tuple[Check, ...]:
    """The declared checks that look at a window of a table; a launch is forecast elsewhere."""
    return tuple(check for check in recommender.checks.values() if check.own or check.kind in KINDS)


def plan(recommender: Recommender, check: Check) -> Plan:
    """The lengths of time of `check`: its own, else its table's, else what suits the window."""
    table = _settled(recommender, check)
    window = check.window or table.window
    every = check.every or (table.every if check.window is None else None) or window
    dimensions = check.dimensions if check.dimensions is not None else table.dimensions
    asked = check.dimensions if check.own or check.kind in (*METRICS, *SKEW) else None
    sliced = dimensions if check.kind in SLICED else asked
    settled = with_places(recommender, check.model_copy(update={"table": table.name}))
    return Plan(settled, table, window, every, check.history or _history(window, check.kind), sliced or ())


def _settled(recommender: Recommender, check: Check) -> Table:
    """The check's table; its windows are complete once those are in which its rows are looked for."""
    table = recommender.tables[check.table or next(iter(recommender.tables))]
    beside = [name for name in (check.beside, *check.stages) if name in recommender.tables]
    settle = max([table.settle, *(recommender.tables[str(name)].settle for name in beside)])
    return table.model_copy(update={"settle": settle})


def _history(window: timedelta, kind: str) -> timedelta:
    if kind == "series":
        least, most = SERIES_WINDOWS
        return min(max(SERIES_DAYS, least * window), most * window)
    if window >= DAY:
        return 56 * DAY
    if window >= HOUR:
        return 28 * DAY
    return 240 * window if kind in SLICED else 720 * window


def due_end(recommender: Recommender, planned: Plan, at: datetime) -> datetime:
    """The end of the newest window to judge at `at`; by a cron expression, at the latest moment it names."""
    zone, schedule = zone_of(recommender), planned.check.schedule
    moment = at if schedule in (None, UPDATED) else newest(schedule, at, zone)
    return last_end(moment - planned.table.settle, planned.window, planned.every, zone)


def looks_per_week(planned: Plan) -> float:
    """Independent looks a week: those at overlapping windows see mostly the same rows."""
    return WEEK_SECONDS / max(planned.every, planned.window).total_seconds()


def silence_width(planned: Plan) -> timedelta:
    """How finely silences are measured: an hour for tables by the day, down to ten seconds."""
    if planned.window >= DAY:
        return HOUR
    return max(min(planned.every, planned.window / 6), timedelta(seconds=10))


def grid_of(recommender: Recommender, planned: Plan, end: datetime) -> Grid:
    """The windows that a check learns from and judges, the last one ending at `end`."""
    return grid_until(end, planned.window, planned.history, zone_of(recommender))
