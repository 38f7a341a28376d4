"""Plans what a check looks at, and when: its windows, history and slices, with all durations settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.detection.data.window import Grid, grid_until, last_end
from domain.detection.judge.state import ACCEPT_AFTER
from domain.detection.kind import Kind, usual_history
from domain.prediction.kind import LAUNCH_FORECAST
from domain.recommender.check import Check
from domain.recommender.holidays import Holidays
from domain.recommender.keys.schedule import UPDATED, newest
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Finding
from workers.declaration.check_kinds import found

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Plan:
    """One check of one table, with its durations settled."""

    check: Check
    table: Table
    window: timedelta
    every: timedelta
    history: timedelta
    zone: ZoneInfo
    holidays: Holidays
    dimensions: tuple[str, ...] = ()

    @property
    def accept_after(self) -> timedelta:
        """How long a change has to last before it counts as usual: as declared, else one history length."""
        return self.check.accept_after or max(ACCEPT_AFTER, self.history)

    @property
    def step(self) -> timedelta:
        """From one look that shares no row with the look before it to the next."""
        return max(self.window, self.every)

    def due_end(self, at: datetime) -> datetime:
        """The end of the newest window to judge at `at`; with a cron schedule, at its last moment by then."""
        schedule = self.check.schedule
        moment = at if schedule in (None, UPDATED) else newest(schedule, at, self.zone)
        return self.last_end(moment - self.table.settle)

    def last_end(self, moment: datetime) -> datetime:
        """The end of the newest window that is over at `moment`."""
        return last_end(moment, self.window, self.every, self.zone)

    def grid(self, end: datetime, reach: timedelta | None = None) -> Grid:
        """The windows over `reach`, by default all history, and the one to judge, which ends at `end`."""
        back = self.history if reach is None else reach
        return grid_until(end, self.window, back, self.zone, self.holidays)


def window_checks(recommender: Recommender) -> tuple[Check, ...]:
    """The declared checks that look at a window of a table; launches are forecast elsewhere."""
    return tuple(check for check in recommender.checks.values() if check.kind != LAUNCH_FORECAST.name)


def plans_of(recommender: Recommender) -> tuple[Plan, ...]:
    """The plans of all checks that look at a window of a table."""
    return tuple(plan(recommender, check) for check in window_checks(recommender))


def plan(recommender: Recommender, check: Check) -> Plan:
    """
    The plan of `check`, with durations that are its own, else its table's, else what suits its kind and
    window. If the kind cannot load, which the look reports, the usual ones.
    """
    kind = found(check.kind)
    table = _settled(recommender, check, kind)
    window = check.window or table.window
    usual = kind.every(window) if kind else window
    every = check.every or (table.every if check.window is None else None) or usual
    named = check.model_copy(update={"table": table.name})
    return Plan(
        check=kind.settled(recommender, named) if kind else named,
        table=table,
        window=window,
        every=every,
        history=check.history or (kind.history_of(window) if kind else usual_history(window, sliced=False)),
        zone=recommender.zone,
        holidays=recommender.holidays,
        dimensions=_dimensions(check, table, kind),
    )


def _dimensions(check: Check, table: Table, kind: Kind[Any, Any] | None) -> tuple[str, ...]:
    """The dimensions to slice by: the check's own, else, if its kind is always sliced, those of its table."""
    sliced = kind.sliced if kind else "asked"
    if sliced == "never":
        return ()
    if check.dimensions is not None:
        return check.dimensions
    usual = table.dimensions if sliced == "always" else ()
    item = (table.item,) if table.item and kind and kind.by_item else ()
    return tuple(dict.fromkeys((*usual, *item)))


def _settled(recommender: Recommender, check: Check, kind: Kind[Any, Any] | None) -> Table:
    """The check's table, settled only when the other tables that its rows are looked up in are, too."""
    table = recommender.tables[check.table or next(iter(recommender.tables))]
    beside = [name for name in (kind.beside(check) if kind else ()) if name in recommender.tables]
    settle = max([table.settle, *(recommender.tables[name].settle for name in beside)])
    return table.model_copy(update={"settle": settle})


def window_of(recommender: Recommender | None, finding: Finding) -> timedelta:
    """The window length of a finding's check: one finding may span many windows."""
    whole = finding.window_end - finding.window_start
    check = recommender.checks.get(finding.check) if recommender else None
    return whole if recommender is None or check is None else min(whole, plan(recommender, check).window)
