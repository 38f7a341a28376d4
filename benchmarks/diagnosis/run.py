"""Many cases, two at a time, each in a process of its own over a copy of the past."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.cinema import CinemaWorld
from benchmarks.diagnosis.grocer.faults import AFTER as GROCER_AFTER
from benchmarks.diagnosis.grocer.faults import GrocerWorld
from benchmarks.diagnosis.jobs.faults import AFTER as JOBS_AFTER
from benchmarks.diagnosis.jobs.faults import JobsWorld
from benchmarks.diagnosis.live_through import live_through
from benchmarks.diagnosis.radio.faults import RadioWorld
from benchmarks.diagnosis.stays.faults import AFTER as STAYS_AFTER
from benchmarks.diagnosis.stays.faults import StaysWorld
from benchmarks.store.server import server

Order = tuple[str, int]
"""A kind, and which draw of it."""

Asked = tuple[Callable[..., Case], tuple[object, ...]]


def in_the_cinema(
    folder: Path,
    moments: dict[int, datetime],
    orders: Sequence[Order],
    seed: int,
    jobs: int,
    report: Callable[[Case], None],
) -> list[Case]:
    """
    Every ordered case, in the order given.

    Args:
        moments: the branches of the past, see `cinema.build_past`; `seed` draws which one is struck.
        report: called with each case once it is done.
    """
    asked: list[Asked] = []
    hours = list(moments)
    for name, draw in orders:
        rng = np.random.default_rng([seed, draw, *name.encode()])
        hour = hours[int(rng.integers(len(hours)))]
        given = (folder / f"at-{hour}", folder / f"{name}-{draw}", moments[hour], name, draw, seed)
        asked.append((cinema_case, given))
    return _every(asked, jobs, report)


def in_the_radio(
    folder: Path, orders: Sequence[Order], seed: int, jobs: int, report: Callable[[Case], None]
) -> list[Case]:
    """Every ordered case, in the order given."""
    asked: list[Asked] = [(radio_case, (folder / f"radio-{n}-{d}", n, d, seed)) for n, d in orders]
    return _every(asked, jobs, report)


def in_the_jobs(
    folder: Path, orders: Sequence[Order], seed: int, jobs: int, report: Callable[[Case], None]
) -> list[Case]:
    """Every ordered case, in the order given; all cases of one draw share one past."""
    return _in_branches(JobsWorld, JOBS_AFTER, folder, orders, seed, jobs, report)


def in_the_grocer(
    folder: Path, orders: Sequence[Order], seed: int, jobs: int, report: Callable[[Case], None]
) -> list[Case]:
    """Every ordered case, in the order given; all cases of one draw share one past."""
    return _in_branches(GrocerWorld, GROCER_AFTER, folder, orders, seed, jobs, report)


def in_the_stays(
    folder: Path, orders: Sequence[Order], seed: int, jobs: int, report: Callable[[Case], None]
) -> list[Case]:
    """Every ordered case, in the order given; all cases of one draw share one past, in their own server."""
    with server() as held:
        pasts = {
            draw: StaysWorld(folder / f"stays-past-{draw}", held.named("postgres"), seed * 1_000 + draw)
            for draw in dict.fromkeys(d for _name, d in orders)
        }
        asked: list[Asked] = [
            (stays_case, (pasts[draw], folder / f"stays-{name}-{draw}", name, draw, seed))
            for name, draw in orders
        ]
        return _every(asked, jobs, report)


def _in_branches(
    make: type[JobsWorld | GrocerWorld],
    after: timedelta,
    folder: Path,
    orders: Sequence[Order],
    seed: int,
    jobs: int,
    report: Callable[[Case], None],
) -> list[Case]:
    pasts = {
        draw: make(folder / f"{make.__name__}-past-{draw}", seed * 1_000 + draw)
        for draw in dict.fromkeys(d for _name, d in orders)
    }
    asked: list[Asked] = [
        (branched_case, (pasts[draw], folder / f"{make.__name__}-{name}-{draw}", name, draw, seed, after))
        for name, draw in orders
    ]
    return _every(asked, jobs, report)


def _every(asked: Sequence[Asked], jobs: int, report: Callable[[Case], None]) -> list[Case]:
    found: dict[int, Case] = {}
    # Spawned, not forked: an engine's threads do not survive a fork.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(run, *given): place for place, (run, given) in enumerate(asked)}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            report(done.result())
    return [found[place] for place in range(len(asked))]


def cinema_case(branched: Path, folder: Path, at: datetime, name: str, draw: int, seed: int) -> Case:
    """One kind struck once; its folder is removed afterwards."""
    world = CinemaWorld(branched, folder, at)
    try:
        return live_through(world, name, draw, seed * 1_000 + draw)
    finally:
        world.close()
        shutil.rmtree(folder, ignore_errors=True)


def radio_case(folder: Path, name: str, draw: int, seed: int) -> Case:
    """One kind struck once in its own radio; its folder is removed afterwards."""
    world = RadioWorld(folder, seed * 1_000 + draw)
    try:
        return live_through(world, name, draw, seed * 1_000 + draw)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def branched_case(
    world: JobsWorld | GrocerWorld | StaysWorld,
    folder: Path,
    name: str,
    draw: int,
    seed: int,
    after: timedelta,
) -> Case:
    """One kind struck once, in a world that goes on from its past; its folder is removed afterwards."""
    try:
        world.branch(folder, name, seed * 1_000 + draw)
        return live_through(world, name, draw, seed * 1_000 + draw, after)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stays_case(world: StaysWorld, folder: Path, name: str, draw: int, seed: int) -> Case:
    """One kind struck once, in a world that goes on from its past; what it wrote is removed afterwards."""
    try:
        return branched_case(world, folder, name, draw, seed, STAYS_AFTER)
    finally:
        world.close()


def ordered(names: Sequence[str], draws: int) -> Iterator[Order]:
    """Every kind, `draws` times; all first draws come first."""
    for draw in range(draws):
        for name in names:
            yield name, draw
