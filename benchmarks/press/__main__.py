"""
Presses at a fixed rate onto real incidents of the cinema, while its workers diagnose those incidents.

All processes run as in production: web, two workers, follower, clock, announcer, PostgreSQL, Valkey, and the
local workspace. A press is answered only once it is in the log, and in the end every press has to be in it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.busy import Meter
from benchmarks.message.findings import finding, opened
from benchmarks.press.load import PRESSES_A_SECOND, Answered, send
from benchmarks.press.slack import Json, button, modal
from benchmarks.stack import ANNOUNCE, CLOCK, FOLLOWER, ROOT, WEB, WORKERS, Stack, stack
from benchmarks.table import Rows, machine, percentile, show
from bot.messages.incident.value import spell
from domain.incident.state import Incident
from workers.door import Door

INCIDENTS = 200
IDLE, BUSY = ("note",), ("acknowledge", "assign", "remark")
"""Rounds of presses over all incidents; notes and remarks are the same modal with different words."""

MOST_MILLISECONDS = 100.0
ANNOUNCED_SECONDS, WORKING_SECONDS = 120.0, 90.0


@dataclass(frozen=True)
class Load:
    """Cores kept busy by the workers, and by processes that are none of ours; and diagnoses that ended."""

    workers: float
    strangers: float
    diagnosed: int


def write_cinema(folder: Path) -> dict[str, str]:
    """Writes six hours of the cinema's traffic; returns the environment that names them."""
    named = {"CINEMA_FOLDER": str(folder), "CINEMA_HISTORY_DAYS": "0.25", "CINEMA_CANDIDATE_HOURS": "2"}
    command = [sys.executable, "-m", "examples.cinema", "backfill"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **named}, capture_output=True, check=True)
    return {**named, "CINEMA_WEBHOOK_SECRET": "benchmark"}


def open_incidents(real: Stack, cinema: Path) -> list[Incident]:
    """One incident for each of the cinema's most viewed slices, opened as the detector does."""
    asked = (
        f"SELECT country, genre FROM '{cinema}/tables/impressions/*.parquet' WHERE country IS NOT NULL "
        f"AND genre IS NOT NULL GROUP BY ALL ORDER BY count(*) DESC, country, genre LIMIT {INCIDENTS}"
    )
    with duckdb.connect() as engine:
        slices = engine.execute(asked).fetchall()
    door, found = Door(real.settings), []
    for number, (country, genre) in enumerate(slices):
        one = finding(number, country=country, genre=genre)
        found.append(door.incident(opened(real.settings, one, f"press-{number}").stream))
    return [incident for incident in found if incident is not None]


def payloads(rounds: Sequence[str], incidents: Sequence[Incident], answer_url: str) -> list[Json]:
    """The presses in the order they are sent: each round goes once through all incidents."""
    made = []
    for name in rounds:
        for incident in incidents:
            value, trigger = spell(incident), f"{name}-{incident.number}"
            if name == "acknowledge":
                made.append(button(name, value, trigger, answer_url))
            elif name == "assign":
                chosen = {"person": {"type": "users_select", "selected_user": "U-ml"}}
                made.append(modal(name, value, trigger, chosen))
            else:
                words = {"text": {"type": "plain_text_input", "value": f"{name} on {incident.number}"}}
                made.append(modal("note", value, trigger, words))
    return made


def diagnosed(door: Door) -> int:
    """How many incidents have a finished diagnosis, successful or not."""
    return sum(1 for one in door.incidents() if one.diagnosed_at or one.diagnosis_failure)


def wait_for(what: str, done: Callable[[], bool], seconds: float) -> None:
    """
    Returns once `done()` is true.

    Raises:
        RuntimeError: it never was.
    """
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise RuntimeError(f"{what} took longer than {seconds:.0f} s")
        time.sleep(0.5)


def press_busy(real: Stack, door: Door, presses: Sequence[Json]) -> tuple[Answered, Load]:
    """Send the presses while the workers diagnose."""
    real.start(FOLLOWER)
    real.start(CLOCK)
    workers = real.start(WORKERS)
    wait_for("the first two diagnoses", lambda: diagnosed(door) >= 2, WORKING_SECONDS)
    before, meter = diagnosed(door), Meter(real.folder)
    answered = asyncio.run(send(real.web_url, presses))
    load = Load(meter.cores(workers.pid), meter.strangers(), diagnosed(door) - before)
    return answered, load


def check_all_written(door: Door, incidents: Sequence[Incident], presses: int) -> None:
    """
    Check that every press is in the log, once.

    Raises:
        RuntimeError: some are not, because they were refused, lost or doubled.
    """
    written = sum(e.actor_kind == "person" for one in incidents for e in door.events(one.stream))
    if written != presses:
        raise RuntimeError(f"{presses} presses were acknowledged, and {written} are in the log")


def measure(real: Stack, cinema: Path) -> tuple[Answered, Answered, Load]:
    """Presses while the workers rest, presses while they work, and how much they worked."""
    incidents, door = open_incidents(real, cinema), Door(real.settings)
    real.start(WEB, health=f"{real.web_url}/health")
    real.start(ANNOUNCE)
    wait_for("announcing", lambda: all(one.messages for one in door.incidents()), ANNOUNCED_SECONDS)
    answer_url = f"{real.workspace_url}/respond/none"
    idle = asyncio.run(send(real.web_url, payloads(IDLE, incidents, answer_url)))
    busy, load = press_busy(real, door, payloads(BUSY, incidents, answer_url))
    check_all_written(door, incidents, len(idle.presses) + len(busy.presses))
    return idle, busy, load


def main() -> None:
    rows = Rows(machine())
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as made:
        cinema = Path(made, "cinema")
        extra = write_cinema(cinema)
        with stack(ROOT / "examples/cinema/recsysops.toml", extra) as real:
            idle, busy, load = measure(real, cinema)
    rows = Rows(f"{rows.machine}, strangers on {load.strangers:.1f} cores meanwhile")
    p99 = percentile(busy.presses, 0.99)
    floor, floor_median = percentile(busy.health, 0.99), percentile(busy.health, 0.5)
    resting = f"with the workers resting: p99 {percentile(idle.presses, 0.99):.0f} ms"
    work = f"a press acknowledged, {PRESSES_A_SECOND} a second, workers on {load.workers:.1f} cores"
    beside = f"/health of the same process meanwhile: p99 {floor:.0f} ms"
    show(
        "press",
        [
            rows.below(f"{work}, p99 of {len(busy.presses)}", p99, "ms", MOST_MILLISECONDS, beside),
            rows.without_goal(
                f"{work}, p50", percentile(busy.presses, 0.5), "ms", f"/health: p50 {floor_median:.0f} ms"
            ),
            rows.without_goal("p99 of a press in proportion", p99 / floor, "× /health", beside),
            rows.without_goal("a press, p50, workers resting", percentile(idle.presses, 0.5), "ms", resting),
            rows.without_goal("diagnoses that ended meanwhile", load.diagnosed, "diagnoses"),
        ],
    )


if __name__ == "__main__":
    main()
