"""
`python -m benchmarks.cinema`: two simulated weeks without a fault, then each fault at its own moment.

`--seed` draws the moments within the two weeks. `--only` or fewer `--days` print, but save nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.cinema.faulted import Outcome, live_through
from benchmarks.cinema.quiet import Quiet, quiet_weeks
from benchmarks.cinema.theatre import Theatre, branch
from benchmarks.store.server import Server, server
from benchmarks.table import Row, machine, show
from examples.cinema.faults import SWITCHES
from workers.store.connection import engine
from workers.store.migrate import migrate

OPENED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
WEEKS_DAYS = 14.0
MOST_ALARMS = 0
HOUR = timedelta(hours=1)
SAY = Console(stderr=True)


def main() -> None:
    asked = _asked()
    where = machine()
    with tempfile.TemporaryDirectory(prefix="recsysops-cinema-", dir=asked.folder) as made:
        rows = measured(asked, Path(made), where)
    show("cinema", rows, keep=asked.days >= WEEKS_DAYS and asked.only is None)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cinema", description=__doc__)
    parser.add_argument("--days", type=float, default=WEEKS_DAYS, help="without a fault")
    parser.add_argument("--only", nargs="*", choices=sorted(SWITCHES), help="these faults, or none")
    parser.add_argument(
        "--declared", action="store_true", help="quiet looks as often as live: 30 h of processor"
    )
    parser.add_argument("--no-quiet", action="store_true", help="no looks at the time without a fault")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=12.0, help="requests a second, as CINEMA_RATE")
    parser.add_argument("--folder", type=Path, help="where the simulated cinemas are kept while it runs")
    return parser.parse_args()


def measured(asked: argparse.Namespace, folder: Path, where: str) -> list[Row]:
    """All rows: the quiet weeks first, whose traffic serves as each fault's past."""
    theatre = Theatre(folder / "cinema", OPENED, asked.rate)
    moments = drawn(asked.seed, asked.days)
    branches: dict[str, datetime] = {}

    def keep(now: Theatre) -> None:
        for fault, at in moments.items():
            if now.at <= at < now.at + HOUR:
                branches[fault] = now.at
                branch(now.settings.folder, folder / fault)

    quiet: Quiet | None = None
    if asked.no_quiet:
        _only_pass(theatre, asked.days, keep)
    else:
        quiet = quiet_weeks(
            theatre, asked.days, asked.jobs, as_declared=asked.declared, each_hour=keep, report=SAY.print
        )
    theatre.close()
    faults = SWITCHES if asked.only is None else asked.only
    rows = [] if quiet is None else quiet_rows(quiet, where, asked.declared)
    with server() as running:
        for fault in faults:
            outcome = _one(running, fault, folder, branches[fault], moments[fault], asked.rate)
            SAY.print(f"{fault}: {outcome.minutes} min. {outcome.words()}", markup=False)
            rows.append(fault_row(outcome, where))
    return rows


def _only_pass(theatre: Theatre, days: float, keep: Callable[[Theatre], None]) -> None:
    end = theatre.at + timedelta(days=days)
    while theatre.at < end:
        theatre.pass_hours(theatre.at + HOUR)
        keep(theatre)
        theatre.forget()


def drawn(seed: int, days: float) -> dict[str, datetime]:
    """A moment for each fault, anywhere in the fault-free time except its first hour."""
    rng = np.random.default_rng(seed)
    seconds = rng.integers(3_600, int(days * 86_400) - 3_600, len(SWITCHES))
    return {fault: OPENED + timedelta(seconds=int(s)) for fault, s in zip(SWITCHES, seconds, strict=True)}


def _one(running: Server, fault: str, folder: Path, opened: datetime, at: datetime, rate: float) -> Outcome:
    with running.connected() as connection:
        connection.execute(f"CREATE DATABASE {fault}")
    migrate(running.named(fault))
    log = engine(running.named(fault))
    try:
        return live_through(fault, folder / fault, opened, at, rate, log)
    finally:
        log.dispose()


def quiet_rows(quiet: Quiet, where: str, as_declared: bool) -> list[Row]:
    """Alarms in all, and how often each thing was looked at."""
    looks = ", ".join(f"{name} {count:,}" for name, count in quiet.looks.items())
    often = "as often as declared" if as_declared else "once a window, those of rows each 10 min at the most"
    said = f"looks of what is not in the shadow {often}: {looks}; forecasts {quiet.forecasts:,}"
    said += f"; {quiet.processor:,.0f} s of processor"
    alarms = quiet.alarms
    words = "; ".join([*alarms, *(f"could not look: {one.says}" for one in quiet.faults)])
    count = len(alarms) + len(quiet.faults)
    work = f"alarms in {quiet.days:g} simulated days without a fault"
    goal = f"≤ {MOST_ALARMS}"
    peer = "; ".join(filter(None, (words, said)))
    return [Row(work, count, "", goal, count <= MOST_ALARMS, peer, where)]


def fault_row(outcome: Outcome, where: str) -> Row:
    """Minutes to the first incident that names the fault, −1 where there was none; and everything raised."""
    minutes = outcome.minutes
    work = f"{outcome.fault}: switched on {outcome.at:%a %H:%M}; until an incident named it"
    figure = -1.0 if minutes is None else round(minutes, 1)
    return Row(work, figure, "min", "named", minutes is not None, outcome.words(), where)


if __name__ == "__main__":
    main()
