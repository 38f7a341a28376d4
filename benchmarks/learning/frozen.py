"""
What is kept of an incident of the cinema, and what an unchanged replay of it gives.

Lived through minute by minute as live, by the detection run itself, part of whose memory an incident keeps.
The minutes before a strike are lived through once for each hour of the day, and copied with their log.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from benchmarks.cinema.theatre import branch
from benchmarks.diagnosis.case import MINUTE
from benchmarks.learning.cinema import Past, Taught, declaration, variables
from benchmarks.learning.installation import Installation, copied, database, installed, it_is
from benchmarks.learning.order import Order, Outcome
from benchmarks.table import Row, Rows
from domain.incident.state import Incident
from domain.replayed import Replayed
from workers.declaration.declare import load
from workers.detect.detection_run import detection_run
from workers.environment.settings import settings
from workers.replay.again import replay
from workers.store import cards
from workers.store.signature import FILE

MOST_MEGABYTES, MEGABYTE = 20.0, 1e6
LOOKED_AT = 40 * MINUTE  # before a strike: longer than the distance between two former memories of a check


class Kept(Outcome):
    """One fault, and the incidents raised by the looks around it, replayed."""

    replayed: tuple[Replayed, ...]

    def words(self) -> str:
        """One line."""
        said = "; ".join(_words(one) for one in self.replayed)
        return f"{self.name} #{self.draw}: {said or 'no look of a check raised an incident'}"


def alike(one: Replayed) -> bool:
    """Whether the replay agrees with the log: raised by the same look, and everything else as then."""
    return bool(one.identical) and one.verdict == "same"


def _words(one: Replayed) -> str:
    size = "nothing" if one.bytes is None else f"{one.bytes / MEGABYTE:.2f} MB"
    said = "; ".join((*one.reasons, *one.notes))
    found = f"{one.then.check}, {size} kept, {one.verdict}, looks alike: {one.identical}"
    return f"{found} ({said})" if said else found


def look_at(past: Past, hours: Collection[int], server: str, replay_time: str, jobs: int) -> None:
    """Take the branches of these hours again, after some time with detection runs."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        asked = {
            hour: pool.submit(_looked_at, past.folder / log_of(hour), log_of(hour), one, server, replay_time)
            for hour, one in past.branches.items()
            if hour in hours
        }
        past.branches.update((hour, one.result()) for hour, one in asked.items())


def _looked_at(
    to: Path, log: str, branched: tuple[Path, datetime], server: str, replay_time: str
) -> tuple[Path, datetime]:
    (folder, at), lived = branched, _lived(to.parent, log)
    with installed(
        database(server, log), lived, declaration(replay_time), variables(lived / "cinema")
    ) as here:
        world = Taught(folder, lived / "cinema", at, here.file)
        while world.at < at + LOOKED_AT:
            _a_minute(here, world)
        world.close()
    return branch(lived / "cinema", to), world.at


def _lived(folder: Path, log: str) -> Path:
    """Where the installation with this log looked, below the past's folder."""
    return folder / f"{log}-lived"


def log_of(hour: int) -> str:
    """The database with the log of the looks before a strike at this hour."""
    return f"looked_at_{hour}"


def kept(order: Order) -> Kept:
    """One fault struck once, its incidents frozen, its tables deleted, and the frozen incidents replayed."""
    folder, (branched, at) = order.folder / "first", order.first
    log = log_of(order.hours[0])
    address = copied(order.server, log, f"frozen_{order.name}_{order.draw}")
    # With another key, cards of incidents from before the strike would not be this installation's own.
    key = {"RECSYSOPS_SIGNING_KEY": str(_lived(order.folder.parent, log) / "var" / FILE)}
    try:
        declared, around = declaration(order.replay_time), {**variables(folder), **key}
        with installed(address, order.folder, declared, around) as here:
            world = Taught(branched, folder, at, here.file)
            raised = _lived_through(here, world, order)
            world.close()
            shutil.rmtree(folder / "tables")  # only what was kept of them may be read
            if not raised:
                return Kept(name=order.name, draw=order.draw, replayed=())
            answer = replay(here.log, load(here.file, variables(folder)), settings(), world.at, raised)
            return Kept(name=order.name, draw=order.draw, replayed=tuple(answer.incidents))
    finally:
        shutil.rmtree(order.folder, ignore_errors=True)


def _lived_through(here: Installation, world: Taught, order: Order) -> list[int]:
    """Look each minute until the strike's findings are diagnosed and offered; returns incident numbers."""
    before = {one.stream for one in _raised(here)}
    until = world.strike(order.name, order.seed).at + order.after
    raised = list[Incident]()
    while not raised and world.at < until:
        _a_minute(here, world)
        raised = [one for one in _raised(here) if one.stream not in before]
    for one in raised:
        for kind, minutes in (("diagnose", 0), ("menu", 3)):
            moment = max(world.at, one.opened_at + minutes * MINUTE)
            with it_is(moment):
                here.settles(one.stream, kind, moment)
    return [one.number for one in raised]


def _a_minute(here: Installation, world: Taught) -> None:
    world.live(MINUTE)
    with it_is(world.at):
        detection_run(here.log, world.declared, world.at)


def _raised(here: Installation) -> list[Incident]:
    """Incidents that a look raised; none that were only foreseen."""
    with here.log.connect() as connection:
        unclosed = cards.every(connection, ("open", "acknowledged"))
    found = [(one, one.first_finding) for one in unclosed]
    return [one for one, first in found if first is not None and first.kind != "predicted"]


def rows(table: Rows, every: Sequence[Kept]) -> Iterator[Row]:
    """How much is kept, and whether its replay gives the same."""
    raised = [one for struck in every for one in struck.replayed]
    silent = sum(not struck.replayed for struck in every)
    said = f"{len(every)} faults struck, of which {silent} raised nothing; {len(raised)} incidents"
    sizes = [one.bytes / MEGABYTE for one in raised if one.bytes]
    if sizes:
        said += f"; the largest {max(sizes):.1f} MB"
        yield table.below(
            "the cinema: frozen of an incident, median", median(sizes), "MB", MOST_MEGABYTES, said
        )
    if raised:
        work = f"the cinema: {len(raised)} incidents replayed as they were found live"
        others = "; ".join(_words(one) for one in raised if not alike(one))
        yield table.above(work, 100.0 * sum(map(alike, raised)) / len(raised), "%", 100.0, others)
