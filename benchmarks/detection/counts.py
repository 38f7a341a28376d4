"""
The volume check on tables whose nights are quiet and whose weekends are quieter, through the backtest.

A false alarm is every incident in eight weeks without a fault, from the first row on, before anything is
known. A miss is an undetected loss of 30 % for four hours, at every hour of the day, among those that an
oracle detects in time. The oracle knows each window's expected rows and scatter, and has the check's own
levels, sums of windows, least change and two looks in a row: nobody can detect a loss smaller than chance.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import product
from math import ceil
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.detection.counts_world import (
    BLOCK,
    LOSS_HOURS,
    MINUTE,
    SCATTER,
    START,
    WEEK,
    WEEKS,
    Floats,
    World,
    declared,
    losses,
    written,
)
from benchmarks.table import Row, Rows
from domain.detection.expect.total.predictive import tails
from domain.detection.judge.counts.total_sums import PARTS, SUMS_PART, lengths
from domain.detection.judge.discovery import FALSE_ALARMS_PER_WEEK
from domain.recommender.check import Check
from workers.checks.backtest import backtest
from workers.checks.run import State, run_checks

SEEDS = (1, 2, 3)
WINDOWS = {60: 10.0, 15: 30.0, 5: 60.0, 1: 60.0}  # minutes → rows a minute on average
IN_TIME = {60: 120, 15: 30, 5: 15, 1: 15}  # minutes after the onset by which a loss has to be detected
MOST_FALSE, LEAST_DETECTED, MOST_DEARER = 0.2, 0.9, 2.0
LOOKS = 288  # of five minutes: one day, in which the baseline is learned anew once
END = START + timedelta(weeks=WEEKS)
CHECK = Check(name="volume", kind="volume", table="events")


def worlds(minutes: int, faulty: bool) -> list[World]:
    """Every table of the row; with one-minute windows one seed only, as each table has 80,640 looks."""
    seeds = SEEDS if minutes > 1 else SEEDS[:1]
    pairs = product((3.0, 8.0), (False, True), seeds)
    return [World(swing, over, WINDOWS[minutes], seed, faulty) for swing, over, seed in pairs]


def oracle(world: World, minutes: int) -> list[int]:
    """The windows at whose end an oracle says that something is wrong."""
    found = _off(world, minutes, 1, FALSE_ALARMS_PER_WEEK * minutes * MINUTE / WEEK)
    if minutes < 60:
        found[1:] &= found[:-1]
    every = lengths(minutes * MINUTE)
    for each in every:
        step = ceil(each / PARTS)
        alpha = SUMS_PART * FALSE_ALARMS_PER_WEEK / len(every) * step * minutes * MINUTE / WEEK
        together = _off(world, minutes, each, alpha)
        together[np.arange(1, len(found) + 1) % step > 0] = False
        found |= together
    return [int(place) for place in np.flatnonzero(found)]


def _off(world: World, minutes: int, each: int, alpha: float) -> npt.NDArray[np.bool_]:
    """(n_windows,) whether the last `each` windows are off, both by level `alpha` and by the least change."""
    observed, mean = (
        np.convolve(one, np.ones(each))[: len(one)]
        for one in (world.counts().reshape(-1, minutes).sum(axis=1).astype(np.float64), world.mean(minutes))
    )
    scatter = SCATTER**2 * min(1.0, BLOCK / minutes / each) if world.over else 0.0
    low, high = tails(observed, mean, np.full(len(mean), scatter))
    matters = np.abs(observed - mean) >= np.maximum(CHECK.least_rows, CHECK.least_change * mean)
    return np.asarray((2 * np.minimum(low, high) <= alpha) & matters)


def in_time(opened: Floats, minutes: int) -> list[bool]:
    """For each loss, whether an incident was opened (seconds after the start) within `IN_TIME` minutes."""
    ends = minutes * MINUTE
    return [bool(((opened > onset) & (opened <= onset + ends)).any()) for onset in losses()]


def every_opened(worlds: Sequence[World], minutes: int, folder: Path) -> list[Floats]:
    """`opened` of each world, one process a core."""
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        return list(pool.map(partial(opened, minutes=minutes, folder=folder), worlds))


def opened(world: World, minutes: int, folder: Path) -> Floats:
    """Seconds after the start at which the backtest opens an incident."""
    recommender = declared(written(world, folder), minutes)
    found = backtest(recommender, START, END).incidents
    return np.array([(one.opened_at - START).total_seconds() for one in found])


def seconds_a_look(file: Path, history: timedelta) -> float:
    """Seconds of a live look at five-minute windows, averaged over the last day."""
    recommender, state = declared(file, 5, history), State()
    moments = [END - timedelta(minutes=5 * back) for back in range(LOOKS, 0, -1)]
    state = run_checks(recommender, moments[0], state).state
    begun = time.perf_counter()
    for moment in moments[1:]:
        state = run_checks(recommender, moment, State.model_validate_json(state.model_dump_json())).state
    return (time.perf_counter() - begun) / (LOOKS - 1)


def rows(table: Rows) -> Iterator[Row]:
    """By window: false incidents and losses detected; then the cost of a look."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in WINDOWS:
            yield _false(table, minutes, folder)
            yield _detected(table, minutes, folder)
        file = written(World(8.0, True, WINDOWS[5], SEEDS[0]), folder)
        day, weeks = (seconds_a_look(file, timedelta(days=days)) for days in (1, 7 * WEEKS))
        work = "a look at five-minute windows with eight weeks of history, against one day"
        beside = f"{weeks * 1e3:.1f} ms against {day * 1e3:.1f} ms, memory read and written as JSON"
        yield table.below(work, weeks / day, "times as long", MOST_DEARER, beside)


def _false(table: Rows, minutes: int, folder: Path) -> Row:
    healthy = worlds(minutes, faulty=False)
    counts = [len(found) for found in every_opened(healthy, minutes, folder)]
    knows = sum(len(oracle(world, minutes)) for world in healthy) / WEEKS / len(healthy)
    beside = f"{len(healthy)} tables; the worst {max(counts) / WEEKS:.2f}; oracle's alarms {knows:.2f}"
    work = f"days 3 and 8 times their nights, windows of {minutes} min, {WINDOWS[minutes]:g} rows a minute"
    return table.below(work, sum(counts) / WEEKS / len(counts), "false incidents a week", MOST_FALSE, beside)


def _detected(table: Rows, minutes: int, folder: Path) -> Row:
    ours, theirs, ever = list[bool](), list[bool](), list[bool]()
    faulty = worlds(minutes, faulty=True)
    for world, found in zip(faulty, every_opened(faulty, minutes, folder), strict=True):
        ends = (np.array(oracle(world, minutes)) + 1.0) * minutes * MINUTE
        theirs += in_time(ends, IN_TIME[minutes])
        ours += in_time(found, IN_TIME[minutes])
        ever += in_time(found, 60 * LOSS_HOURS)
    both = sum(one and other for one, other in zip(ours, theirs, strict=True))
    beside = f"{len(ours)} losses; oracle {np.mean(theirs):.2f} of all, ours {np.mean(ours):.2f}"
    beside += f", {np.mean(ever):.2f} while it lasts"
    work = (
        f"−30 %, windows of {minutes} min: detected within {IN_TIME[minutes]} min, of those an oracle detects"
    )
    return table.above(work, both / max(sum(theirs), 1), "of them", LEAST_DETECTED, beside)
