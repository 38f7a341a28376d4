"""
Ten thousand open incidents: what people and the clock ask for meanwhile, by the functions that answer them.

Each card is as the detector opens it, so each owes a diagnosis and a message. The App Home,
`/metrics` and `/recsysops status` are drawn as for Slack; the clock hands over a batch of what is due.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.message.findings import finding
from benchmarks.table import Row, Rows, machine, percentile, show
from bot.messages.home import TO_CLOSE, UNRESOLVED, Shown, home, in_all
from bot.messages.link import pages_at
from bot.messages.status import MOST_SHOWN, status
from bot.pages.numbers import numbers
from domain.incident.commands import OpenIncident
from domain.values import Actor
from workers import embedded
from workers.door import Door
from workers.environment.settings import Settings
from workers.log import obligations
from workers.log.handle import handle
from workers.store import reminders
from workers.store.migrate import migrate

INCIDENTS = 10_000
ROUNDS = 20
MOST_MILLISECONDS = 200.0
DETECTOR = Actor(kind="worker", id="worker:detect")
LINK = pages_at("https://ops.example")


def milliseconds(work: Callable[[], object]) -> list[float]:
    """How long each of `ROUNDS` runs took."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - began))
    return took


def at_home(door: Door) -> dict[str, object]:
    unresolved, to_close = (door.worst(of, 1, MOST_SHOWN) for of in (UNRESOLVED, TO_CLOSE))
    return home(Shown(unresolved, to_close, door.counts(), door.mean_times()), LINK)


def counted(door: Door) -> str:
    return numbers(door.counts(), door.mean_times(), door.followers(), door.owed_sums(), door.now())


def listed(door: Door, page: int) -> object:
    found = door.worst(UNRESOLVED, page, MOST_SHOWN)
    return status(found, LINK, in_all(door.counts(), UNRESOLVED), page)


def look(door: Door, after: timedelta) -> int:
    """How many cards are due when the clock asks."""
    with door.log.connect() as connection:
        return len(reminders.look(connection, door.now() + after, obligations.AT_ONCE))


def measured(door: Door, rows: Rows) -> list[Row]:
    works: dict[str, Callable[[], object]] = {
        "the App Home": lambda: at_home(door),
        "/metrics": lambda: counted(door),
        "/recsysops status": lambda: listed(door, 1),
        "/recsysops status 400": lambda: listed(door, 400),
        "mean times of 90 days": lambda: door.mean_times(timedelta(days=90)),
        "the first hundred obligations": lambda: door.owed(100),
        "what is due, asked by the clock: nothing": lambda: look(door, timedelta(0)),
        f"what is due, asked by the clock: the first {obligations.AT_ONCE}": lambda: look(
            door, timedelta(hours=1)
        ),
    }
    found = []
    for work, run in works.items():
        took = milliseconds(run)
        beside = f"p50 {median(took):.1f} ms"
        found.append(
            rows.below(f"{work}, p95 of {ROUNDS}", percentile(took, 0.95), "ms", MOST_MILLISECONDS, beside)
        )
    began = time.perf_counter()
    sent = obligations.remind(door.log, lambda *_: True, door.now() + timedelta(hours=1))
    rate = sent / (time.perf_counter() - began)
    return [
        *found,
        rows.without_goal("obligations issued again by the clock", rate, "a second", f"{sent} at once"),
    ]


def open_all(door: Door, owner_url: str) -> None:
    """Open one incident as the detector does, and copy its card many times: only cards are read here."""
    handle(None, OpenIncident(number=0, finding=finding(0)), actor=DETECTOR, key="crowd", log=door.log)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        asked = "SELECT column_name FROM information_schema.columns WHERE table_name = 'cards'"
        own = {"stream", "number", "fingerprint", "debts"}
        copied = ", ".join(name for (name,) in connection.execute(asked) if name not in own)
        connection.execute(
            f"INSERT INTO cards (stream, number, fingerprint, debts, {copied}) "
            f"SELECT stream || n, number + n, fingerprint || n, replace(debts, ':1\"', ':' || n || '\"'), "
            f"{copied} FROM cards, generate_series(2, {INCIDENTS}) AS n"
        )
        connection.execute("VACUUM ANALYZE cards")


def main() -> None:
    rows = Rows(machine())
    folder = Path(tempfile.mkdtemp(prefix="recsysops-benchmark-"))
    try:
        with embedded.started(folder) as servers:
            migrate(servers.owner_url, servers.database_url)
            door = Door(Settings(database_url=servers.database_url, broker_url=servers.redis_url))
            open_all(door, servers.owner_url)
            show("crowd", measured(door, rows))
            door.log.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
