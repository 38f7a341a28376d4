"""
Ten thousand logged requests of twenty worlds, run again: identical to the bit, or with the step that differs.

A quarter of the logs are healthy. In each of the others, one step does something else for the requests of a
slice or of a version. A request counts where its scores are identical and nothing was done to it, or where
what was done to it is named with its place and the number of candidates it was done to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.diagnosis.logged_world import DIMENSIONS, World, calls, draw, logged, running, taught
from benchmarks.table import Row, Rows
from domain.diagnosis.replay import Scorer
from domain.diagnosis.rerun.presence import Presence
from domain.diagnosis.rerun.rerun import Logged, Models, rerun
from domain.diagnosis.rerun.values import Rerun
from domain.values import Slice

STEPS = ("none", "features", "model", "serving", "ranking", "logging", "none", "serving")
SEEDS = range(80_000, 80_020)
CALLS = 500
BY_CHANCE = 0.001  # of the candidates of one model, that another scores alike
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Log:
    """A log, and the truth: which rows were touched, in which slice, column or version."""

    held: Logged
    step: str
    where: Slice | None
    touched: Bools
    column: str | None = None
    version: str | None = None


def broken(world: World, step: str, good: Scorer, other: Scorer) -> Log:
    """A log of 500 requests, one step of which is broken in a drawn slice."""
    chance, plain = world.chance, calls(world, CALLS)
    name = str(chance.choice(["trade", "origin"]))
    where: Slice = ((name, str(chance.choice(sorted(set(plain[name]))))),)
    hit = (plain[name] == where[0][1]).to_numpy()
    columns = world.columns
    match step:
        case "features":
            own = str(chance.choice(world.numbers))
            values = plain[own].astype(float)
            rows = logged(world, plain.assign(**{own: values.where(~hit, values * 7.0)}), good)
            held = Logged(rows, columns, DIMENSIONS, held=plain[list(world.numbers)])
            return Log(held, step, where, hit & values.notna().to_numpy(), column=own)
        case "model":
            late = (plain["call"] >= CALLS // 2).to_numpy()
            rows = logged(world, plain, good)
            scored = ["mark", "put"]
            rows.loc[late, scored] = logged(world, plain, other).loc[late, scored]
            rows = rows.assign(build=np.where(late, "b8", "b7"))
            return Log(Logged(rows, columns, DIMENSIONS, "build"), step, None, late, version="b8")
        case "serving":
            spread = float(np.std(good.score(plain[list(world.features)])))
            added = np.where(hit, chance.choice([-1, 1]) * chance.uniform(0.1, 2.0) * spread, 0.0)
            return Log(Logged(logged(world, plain, good, added), columns, DIMENSIONS), step, where, hit)
        case "ranking":
            return Log(Logged(logged(world, plain, good, gone=hit), columns, DIMENSIONS), step, where, hit)
        case "logging":
            rows = logged(world, plain, good)
            lacks = hit & (chance.random(len(rows)) < chance.uniform(0.2, 0.9))
            return Log(Logged(rows, columns, DIMENSIONS, presence=(_seen(rows, lacks),)), step, where, lacks)
    return Log(
        Logged(logged(world, plain, good), columns, DIMENSIONS), step, None, np.zeros(len(plain), bool)
    )


def _seen(rows: pd.DataFrame, lacks: Bools) -> Presence:
    cells = rows.assign(missing=lacks).groupby(["trade", "origin"])["missing"].agg(["size", "sum"])
    cells.columns = pd.Index(["requests", "missing"])
    cells = cells.assign(requests_before=4 * cells["requests"], missing_before=0)
    return Presence("marked", "seen", cells.reset_index(), ("trade", "origin"))


def right(log: Log, found: Rerun) -> int:
    """For how many requests the right thing is said."""
    wrong = [one for one in found.differences if one.step != log.step]
    if log.step == "none" or wrong:
        return 0 if wrong else found.identical
    calls_touched = set(log.held.rows["call"][log.touched])
    untouched = found.requests - len(calls_touched)
    scored = log.step in ("model", "serving")
    clean = min(found.identical, untouched) if scored else untouched * (found.identical == found.requests)
    named = [
        one
        for one in found.of(log.step)  # type: ignore[arg-type]
        if (one.where == log.where or log.version is not None)
        and one.version == log.version
        and (log.column is None or one.column == log.column)
    ]
    differing, touched = sum(one.differing for one in named), int(log.touched.sum())
    # Two models give one candidate in thousands the same score, apart from the last digits.
    few = BY_CHANCE * touched if log.step == "model" else 0
    counted = log.step == "ranking" or abs(differing - touched) <= few
    return clean + (len(calls_touched) if named and counted else 0)


def outcome(seed: int) -> tuple[str, int, int, int]:
    """(step, requests, identical to the bit, rightly named) of one log."""
    world, step = draw(seed), STEPS[seed % len(STEPS)]
    with running(taught(world, seed), taught(world, seed + 1, skew=2.0)) as (good, other):
        log = broken(world, step, good, other)
        found = rerun(log.held, Models({"b7": good}, "b7"))
    return step, found.requests, found.identical, right(log, found)


def rows(table: Rows) -> Iterator[Row]:
    """The share of requests that are identical, or whose step is named; and how long one takes."""
    begun = time.monotonic()
    outcomes = [outcome(seed) for seed in SEEDS]
    whole = sum(requests for _, requests, _, _ in outcomes)
    shares = {
        step: sum(fine for name, _, _, fine in outcomes if name == step)
        / max(sum(requests for name, requests, _, _ in outcomes if name == step), 1)
        for step in dict.fromkeys(STEPS)
    }
    same = sum(identical for _, _, identical, _ in outcomes)
    each = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    work = f"{whole:,} logged requests run again"
    said = sum(fine for *_, fine in outcomes) / whole
    yield table.above(work, said, "identical or named", 1.0, f"{each}; {same:,} identical to the bit")
    yield table.without_goal("the same, a request", 1000 * (time.monotonic() - begun) / whole, "ms")
