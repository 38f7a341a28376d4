"""
Weeks in which nothing is wrong, and what the checks raise nevertheless.

The cinema's traffic is made day by day, with its deliveries, nightly trainings and launches. Every check that
may page somebody looks at each of its windows: its real judgement, with its memory and the wealth it may
spend carried from look to look. Looks share one question to the tables per day where the answer is the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from benchmarks.cinema.theatre import Theatre, declared
from domain.detection.judge.state import CheckState, Verdict
from domain.values import Finding
from workers.checks.backtest import BacktestIncident, fold
from workers.checks.backtest_check import Fault, backtest_check, ends_of
from workers.checks.fold import Fold
from workers.checks.plan import Plan, plan, plans_of
from workers.declaration.check_kinds import find
from workers.predict.launch import forecast

DAY = timedelta(days=1)
ASKED_EACH = timedelta(minutes=10)
"""The shortest interval between looks of a check that queries the engine each time; `--declared` lifts it."""


@dataclass
class Quiet:
    """The result: incidents that would have been opened, looks, and processor seconds."""

    incidents: tuple[BacktestIncident, ...] = ()
    predicted: dict[str, Finding] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    days: float = 0.0
    forecasts: int = 0
    processor: float = 0.0

    @property
    def alarms(self) -> list[str]:
        """Every alarm that would have paged somebody, in words."""
        opened = [(one.opened_at, f"{one.check}: {one.title}") for one in self.incidents]
        opened += [(one.window_start, f"{one.check}: {one.title}") for one in self.predicted.values()]
        return [f"{at:%d %b %H:%M} {words}" for at, words in sorted(opened)]


Looked = list[tuple[datetime, str, Verdict]]


def quiet_weeks(
    theatre: Theatre,
    days: float,
    jobs: int,
    *,
    as_declared: bool,
    each_hour: Callable[[Theatre], None],
    report: Callable[[str], None],
) -> Quiet:
    """
    Args:
        as_declared: checks look as often as declared, even where windows overlap; otherwise once a window.
        each_hour: called once an hour of traffic has been made.
        report: called after each day with the progress, in words.
    """
    quiet, states, incidents = Quiet(), dict[str, CheckState](), Fold(theatre.declared)
    end = theatre.at + days * DAY
    begun = start = theatre.at
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        while start < end:
            until = min(start + DAY, end)
            _a_day(theatre, until, quiet, each_hour)
            folder = theatre.settings.folder
            names = [one.check.name for one in plans_of(theatre.declared) if not one.check.shadow]
            asked = [
                pool.submit(look_through, folder, name, (start, until), states.get(name), as_declared)
                for name in names
            ]
            looked = Looked()
            for name, one in zip(names, asked, strict=True):
                states[name], found, faults, spent = one.result()
                looked += [(at, name, verdict) for at, verdict in found]
                quiet.looks[name] = quiet.looks.get(name, 0) + len(found)
                quiet.faults += faults
                quiet.processor += spent
            quiet.days = (until - begun) / DAY
            looked.sort(key=lambda one: one[:2])
            # Day by day, as live: the tables are queried before anything in them is forgotten.
            quiet.incidents = fold(theatre.declared, start, until, looked, incidents).incidents
            said = "; ".join(quiet.alarms) or "no alarm"
            report(f"{quiet.days:g} days: {said}; {quiet.processor:,.0f} s of processor")
            start = until
    return quiet


def _a_day(theatre: Theatre, until: datetime, quiet: Quiet, each_hour: Callable[[Theatre], None]) -> None:
    """Make traffic up to `until`, looking at the launch calendar each hour."""
    before = time.process_time()
    while theatre.at < until:
        theatre.pass_hours(min(theatre.at + timedelta(hours=1), until))
        for finding in forecast(theatre.declared, theatre.at):
            quiet.predicted.setdefault(finding.fingerprint, finding)
        quiet.forecasts += 1
        each_hour(theatre)
    theatre.forget()
    quiet.processor += time.process_time() - before


def look_through(
    folder: Path, name: str, span: tuple[datetime, datetime], state: CheckState | None, as_declared: bool
) -> tuple[CheckState, list[tuple[datetime, Verdict]], list[Fault], float]:
    """One check's looks of a day: its memory afterwards, what the looks gave, and the processor seconds."""
    before = time.process_time()
    recommender = declared(folder)
    planned = plan(recommender, recommender.checks[name])
    planned = planned if as_declared else replace(planned, every=_once_a_window(planned))
    state, found, faults = state or CheckState(), list[tuple[datetime, Verdict]](), list[Fault]()
    for at, came_to in backtest_check(recommender, planned, ends_of(recommender, planned, *span), state):
        if isinstance(came_to, Fault):
            faults.append(came_to)
            continue
        state = came_to.state
        found.append((at, came_to.model_copy(update={"state": CheckState()})))
    return state, found, faults, time.process_time() - before


def _once_a_window(planned: Plan) -> timedelta:
    kind = find(planned.check.kind)
    each = kind.sliced == "always" and kind.rows is None
    least = ASKED_EACH if each else timedelta(0)
    return max(planned.every, planned.window, least)
