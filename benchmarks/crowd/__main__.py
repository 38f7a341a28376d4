"""
Ten thousand incidents that are not over: what people, the clock, detection and a deployment ask for
meanwhile, by the functions that answer them.

A third each owes a diagnosis, the revert of a hotfix in force, and a follow-up. The App Home, `/metrics` and
`/recsysops status` are drawn as for Slack; the clock hands over a batch of what is due; an alert opens an
incident, or joins one. Beside them: a bare SELECT of all these cards.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.crowd.fill import fill, option_on
from benchmarks.message.findings import DETECTOR, finding
from benchmarks.table import Row, Rows, machine, percentile, show
from bot.messages.follow_up import standings
from bot.messages.home import TO_CLOSE, UNRESOLVED, Shown, home, in_all
from bot.messages.in_force import MOST_SHOWN as MOST_LASTING
from bot.messages.in_force import in_force
from bot.messages.link import pages_at
from bot.messages.status import MOST_SHOWN, status
from bot.pages import metrics
from domain.detection.correlate.merging import part_of
from domain.values import Finding
from workers import embedded
from workers.detect.open_incidents import open_incidents
from workers.door import Door
from workers.environment.settings import Settings
from workers.log import obligations
from workers.respond.resolve.conflicts import against_choosing
from workers.store import reminders
from workers.store.migrate import migrate
from workers.store.related import of_one_cause

INCIDENTS = 10_000
ROUNDS = 20
MOST_MILLISECONDS = 200.0
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
    acting = in_force(door.in_force(MOST_LASTING), door.now())
    follow_ups = standings(door.followed(MOST_LASTING), door.now())
    shown = Shown(unresolved, to_close, door.counts(), door.mean_times(), acting, follow_ups, door.lasting())
    return home(shown, LINK)


def in_the_way(door: Door, item: str) -> str | None:
    """Why a hotfix for an item could not be deployed now for the newest incident."""
    incident = door.incident(INCIDENTS)
    if incident is None:
        raise RuntimeError("the store was not filled")
    with door.log.connect() as connection:
        return against_choosing(connection, incident, option_on(item))


def alert(door: Door, new: Iterator[Finding]) -> None:
    open_incidents(door.log, [next(new)], DETECTOR)


def merged_into(door: Door, number: int) -> int | None:
    """The incident of which another one with the cause of incident `number` would be a part."""
    like, one = door.incident(number), door.incident(1)
    if like is None or one is None or like.diagnosis is None:
        raise RuntimeError("the store was not filled")
    found = part_of(one, like.diagnosis, of_one_cause(door.log, like.diagnosis))
    return found.number if found is not None else None


def bare(owner_url: str) -> float:
    """Milliseconds of a bare SELECT of all cards, none of them decoded; median."""
    with psycopg.connect(owner_url) as connection:
        return median(milliseconds(lambda: connection.execute("SELECT incident FROM cards").fetchall()))


def listed(door: Door, page: int) -> object:
    found = door.worst(UNRESOLVED, page, MOST_SHOWN)
    return status(found, LINK, in_all(door.counts(), UNRESOLVED), page)


def look(door: Door, after: timedelta) -> int:
    """How many cards are due when the clock asks."""
    with door.log.connect() as connection:
        return len(reminders.look(connection, door.now() + after, obligations.AT_ONCE))


def measured(door: Door, owner_url: str, rows: Rows) -> list[Row]:
    new = (finding(n) for n in count(INCIDENTS + 1))
    beside_those = (finding(n).model_copy(update={"check": "another"}) for n in count(INCIDENTS + 1))
    works: dict[str, Callable[[], object]] = {
        "the App Home": lambda: at_home(door),
        "the conflict check before a deployment, nothing in the way": lambda: in_the_way(door, "film 0"),
        "the conflict check before a deployment, refused": lambda: in_the_way(door, "film 5"),
        "an alert that opens an incident": lambda: alert(door, new),
        "an alert that joins an incident": lambda: alert(door, beside_those),
        "the incident of the same cause, to be merged into": lambda: merged_into(door, 5),
        "/metrics": lambda: metrics.measured(door),
        "/recsysops status": lambda: listed(door, 1),
        "/recsysops status 400": lambda: listed(door, 400),
        "mean times of 90 days": lambda: door.mean_times(timedelta(days=90)),
        "the first hundred obligations": lambda: door.owed(100),
        "what is due, asked by the clock: nothing": lambda: look(door, timedelta(0)),
        f"what is due, asked by the clock: the first {obligations.AT_ONCE}": lambda: look(
            door, timedelta(hours=1)
        ),
    }
    selected = f"bare SELECT of all {INCIDENTS:,} cards: {bare(owner_url):.0f} ms"
    found = []
    for work, run in works.items():
        took = milliseconds(run)
        beside = f"p50 {median(took):.1f} ms; {selected}"
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


def main() -> None:
    rows = Rows(machine())
    folder = Path(tempfile.mkdtemp(prefix="recsysops-benchmark-"))
    try:
        with embedded.started(folder) as servers:
            migrate(servers.owner_url, servers.database_url)
            door = Door(Settings(database_url=servers.database_url, broker_url=servers.redis_url))
            fill(door, servers.owner_url, INCIDENTS)
            show("crowd", measured(door, servers.owner_url, rows))
            door.log.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
