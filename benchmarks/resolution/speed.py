"""
How soon the menu is priced: from the cinema's alarm, with all processes running; and from a log of a million
requests, relative to one reading of the same rows by DuckDB.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import httpx

from benchmarks.diagnosis.logged_world import CANDIDATES, World
from benchmarks.market import AT, REQUESTS, STRUCK_HOURS, market
from benchmarks.press.__main__ import write_cinema
from benchmarks.stack import CLOCK, FOLLOWER, ROOT, WORKERS, Stack, free_ports, stack
from benchmarks.table import Row, Rows
from domain.incident.events import MenuPrepared
from domain.incident.state import Incident
from domain.values import Diagnosis
from workers.door import Door
from workers.respond.resolve.resolve import prepare_menu

MOST_ALARM_SECONDS, MOST_REPLAY_SECONDS = 60.0, 30.0
PATIENCE_SECONDS, PAUSE_SECONDS = 900.0, 0.5


def rows(table: Rows, _asked: argparse.Namespace) -> Iterator[Row]:
    """The time from the cinema's alarm, then that for a million requests."""
    with tempfile.TemporaryDirectory(prefix="recsysops-speed-") as made:
        yield from _cinema(table, Path(made) / "cinema")
        yield from _million(table, Path(made))


def _cinema(table: Rows, folder: Path) -> Iterator[Row]:
    """Switch on a fault in a running cinema and wait until its incident has a menu with numbers."""
    extra = {**write_cinema(folder), "CINEMA_PORT": str(free_ports(1)[0])}
    extra["CINEMA_URL"] = f"http://127.0.0.1:{extra['CINEMA_PORT']}"
    with stack(ROOT / "examples/cinema/recsysops.toml", extra) as real:
        real.start(("examples.cinema", "serve"), health=f"{extra['CINEMA_URL']}/status")
        for module in (FOLLOWER, CLOCK, WORKERS):
            real.start(module)
        switch = f"{extra['CINEMA_URL']}/faults/language"
        httpx.post(switch, json={"on": True}, timeout=60.0).raise_for_status()
        incident = _priced(real)
        prepared = next(
            e.at for e in Door(real.settings).events(incident.stream) if e.event.wire_name == MENU
        )
    seconds = (prepared - incident.opened_at).total_seconds()
    known = [one for one in incident.menu or () if one.deployable and one.repairs.value is not None]
    diagnosed = (incident.diagnosed_at or prepared) - incident.opened_at
    said = f"{len(known)} options with numbers; diagnosed after {diagnosed.total_seconds():.1f} s"
    yield table.below("the cinema's alarm to its priced menu", seconds, "s", MOST_ALARM_SECONDS, said)


MENU = MenuPrepared.wire_name


def _priced(real: Stack) -> Incident:
    door = Door(real.settings)

    def priced() -> Incident | None:
        every = door.incidents()
        return next((one for one in every if one.menu and one.menu[0].repairs.value is not None), None)

    return _waited("a menu with numbers", priced)


def _waited(what: str, look: Callable[[], Incident | None]) -> Incident:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if (found := look()) is not None:
            return found
        time.sleep(PAUSE_SECONDS)
    raise RuntimeError(f"{what} took longer than {PATIENCE_SECONDS:.0f} s")


def _million(table: Rows, folder: Path) -> Iterator[Row]:
    """The menu made from a log of a million requests, one slice of which lost a part three hours ago."""
    made = market(folder)
    since = AT - timedelta(hours=STRUCK_HOURS)
    diagnosis = Diagnosis(cause="held down", cause_kind="serving", items=made.hurt, since=since)
    begun = time.perf_counter()
    menu = prepare_menu(made.recommender, made.finding, diagnosis, "million", AT)
    seconds = time.perf_counter() - begun
    known = sum(one.repairs.value is not None and one.deployable for one in menu.options)
    read, count = _read_once(made.path, made.world)
    work = f"{REQUESTS:,} logged requests of {CANDIDATES} candidates: the menu priced by replay"
    said = f"{known} of 2 options with numbers; DuckDB reads these {count:,} rows once in {read:.2f} s"
    yield table.below(work, seconds, "s", MOST_REPLAY_SECONDS, said)
    yield table.without_goal(f"{work}, in proportion", seconds / read, "× one reading", said)


def _read_once(path: Path, world: World) -> tuple[float, int]:
    """Seconds to read every column that a replay needs of every row, the best of three; and the rows."""
    names = ["call", "deal", "mark", "put", *world.features]
    asked = ", ".join(f"count({name})" for name in names)
    best, count = float("inf"), 0
    with duckdb.connect() as engine:
        for _ in range(3):
            begun = time.perf_counter()
            found = engine.execute(
                f"SELECT {asked}, bit_xor(hash({', '.join(names)})) FROM '{path}'"
            ).fetchone()
            best, count = min(best, time.perf_counter() - begun), int((found or (0,))[0])
    return best, count
