"""What is kept of an incident of the cinema, and what becomes of it when it is replayed unchanged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from benchmarks.diagnosis.case import live_through
from benchmarks.learning.cinema import Taught, declaration, each_minute, variables
from benchmarks.learning.installation import database, installed
from benchmarks.learning.twice import Order
from benchmarks.table import Row, Rows
from domain.replayed import Replayed
from workers.declaration.declare import load
from workers.environment.settings import settings
from workers.replay.again import replay

MOST_MEGABYTES, MEGABYTE = 20.0, 1e6


@dataclass(frozen=True)
class Kept:
    """One fault, and its incident replayed; None where no look of a check raised one."""

    name: str
    draw: int
    replayed: Replayed | None

    @property
    def alike(self) -> bool:
        """Whether the replay comes to what the log says: raised by the same look, and the rest as then."""
        one = self.replayed
        return one is not None and bool(one.identical) and one.verdict == "same"

    def words(self) -> str:
        """One line."""
        one = self.replayed
        if one is None:
            return f"{self.name} #{self.draw}: no look of a check raised it"
        size = "nothing" if one.bytes is None else f"{one.bytes / MEGABYTE:.2f} MB"
        said = "; ".join((*one.reasons, *one.notes))
        return f"{self.name} #{self.draw}: {size} kept, {one.verdict}, looks alike: {one.identical}. {said}"


def kept(order: Order) -> Kept:
    """One fault struck once, its incident frozen, its tables thrown away, and what was frozen replayed."""
    folder, (branched, at) = order.folder / "first", order.first
    address = database(order.server, f"frozen_{order.name}_{order.draw}")
    try:
        with installed(address, order.folder, declaration(order.replay_time), variables(folder)) as here:
            world = Taught(branched, folder, at, here.file)
            case = live_through(world, order.name, order.draw, order.seed, order.after, each_minute)
            world.close()
            top = case.top
            if top is None or top.finding.kind == "predicted":
                return Kept(order.name, order.draw, None)
            stream = here.opens(top.finding, top.opened_at)
            here.settles(stream, "diagnose", top.diagnosed_at or top.opened_at)
            number = here.settles(stream, "menu", top.opened_at + timedelta(minutes=3)).number
            shutil.rmtree(folder / "tables")  # nothing of them but what was kept is read
            answer = replay(here.log, load(here.file, variables(folder)), settings(), world.at, [number])
            return Kept(order.name, order.draw, answer.incidents[0])
    finally:
        shutil.rmtree(order.folder, ignore_errors=True)


def rows(table: Rows, every: Sequence[Kept]) -> Iterator[Row]:
    """How much is kept, and whether it replays to the same."""
    raised = [one for one in every if one.replayed is not None]
    sizes = [one.replayed.bytes / MEGABYTE for one in raised if one.replayed and one.replayed.bytes]
    said = f"{len(every)} strikes, of which {len(raised)} raised an incident that a look found"
    if sizes:
        said += f"; the largest {max(sizes):.1f} MB"
        work = "the cinema: frozen of an incident, median"
        yield table.below(work, median(sizes), "MB", MOST_MEGABYTES, said)
    if raised:
        others = "; ".join(one.words() for one in raised if not one.alike)
        alike = 100.0 * sum(one.alike for one in raised) / len(raised)
        work = f"the cinema: {len(raised)} incidents replayed as they were found live"
        yield table.above(work, alike, "%", 100.0, others)
