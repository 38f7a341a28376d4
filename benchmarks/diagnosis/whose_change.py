"""
Two hundred changes of a slice, each in the input, the model, serving, or the logging: which one is named.

A check would detect each change, and its owner is certain: without it, the same requests show, or read, the
slice a fifth more or less. Nothing was developed on the seeds that are scored.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.diagnosis.logged_world import DIMENSIONS, World, calls, draw, logged, running, taught
from benchmarks.table import Row, Rows
from domain.diagnosis.replay import Scorer
from domain.diagnosis.rerun.presence import Presence
from domain.diagnosis.rerun.rerun import Logged, Models, rerun
from domain.diagnosis.two_by_two import missing_of, split_change
from domain.errors import TooFewRows
from domain.values import Slice

WHOSE = ("input", "model", "serving", "logging")
SEEDS = range(90_000, 90_200)
CALLS = 400
LEAST = 0.2  # of what is shown of the slice without it: a change this large is one that a check detects
LEAST_RIGHT = 0.95
TABLE = "seen"


@dataclass(frozen=True)
class Change:
    """A case: what was logged before and now, of which slice, with the models at hand, and whose it is."""

    rows: pd.DataFrame
    before: pd.DataFrame
    where: Slice
    whose: str
    presence: Presence


def changed(world: World, whose: str, new: Scorer, old: Scorer) -> Change | None:
    """One change; None where the draw changes the slice too little to be detected."""
    chance = world.chance
    before, rows = calls(world, CALLS), calls(world, CALLS, first=CALLS)
    name = str(chance.choice(["trade", "origin"]))
    where: Slice = ((name, str(chance.choice(sorted(set(rows[name]))))),)
    hit = (rows[name] == where[0][1]).to_numpy()
    whole = logged(world, rows, old)
    if whose == "input":
        rows = _broken(world, rows, hit)
    past = logged(world, before, old)
    spread = float(np.std(old.score(before[list(world.features)])))
    added = np.where(hit, chance.choice([-1, 1]) * chance.uniform(0.7, 2.0) * spread, 0.0)
    now = logged(world, rows, new if whose == "model" else old, added if whose == "serving" else None)
    if whose == "model":
        where = _most_moved(whole, now)
        hit = (rows[where[0][0]] == where[0][1]).to_numpy()
    share = chance.uniform(0.3, 0.9) if whose == "logging" else 0.0
    ratio = (1 - share) * now["put"][hit].sum() / max(whole["put"][hit].sum(), 1)
    if abs(ratio - 1) < LEAST:
        return None
    return Change(
        now.assign(build="new"), past.assign(build="old"), where, whose, _seen(world, now, past, where, share)
    )


def _broken(world: World, rows: pd.DataFrame, hit: np.ndarray) -> pd.DataFrame:
    """One feature of the slice unset, scaled, shifted, constant, or swapped among the rows."""
    chance, name = world.chance, str(world.chance.choice(world.numbers))
    values = rows[name].astype(float).to_numpy()
    spread = float(np.nanstd(values))
    broken = {
        "unset": np.full(len(rows), np.nan),
        "scaled": values * chance.choice([0.1, 10.0]),
        "shifted": values + chance.choice([-3, 3]) * spread,
        "constant": np.full(len(rows), np.nanmax(values)),
        "swapped": chance.permutation(values) + 2 * spread,
    }
    return rows.assign(**{name: np.where(hit, broken[str(chance.choice(list(broken)))], values)})


def _most_moved(past: pd.DataFrame, now: pd.DataFrame) -> Slice:
    """The slice that another model shows most differently."""
    moved: dict[Slice, float] = {}
    for name in ("trade", "origin"):
        then, since = (frame.groupby(name)["put"].sum() for frame in (past, now))
        for value in then.index:
            moved[((name, str(value)),)] = abs(float(since.get(value, 0)) / max(float(then[value]), 1.0) - 1)
    return max(moved, key=lambda one: moved[one])


def _seen(world: World, now: pd.DataFrame, past: pd.DataFrame, where: Slice, share: float) -> Presence:
    """What a second table has of what was put: everything except a share of the slice."""

    def counted(frame: pd.DataFrame, lost: float, mark: str) -> pd.DataFrame:
        put = frame[frame["put"]]
        missing = (put[where[0][0]] == where[0][1]) & (world.chance.random(len(put)) < lost)
        grouped = put.assign(missing=missing).groupby(["trade", "origin"])["missing"].agg(["size", "sum"])
        return grouped.rename(columns={"size": f"requests{mark}", "sum": f"missing{mark}"})

    both = pd.concat([counted(now, share, ""), counted(past, 0.002, "_before")], axis=1).fillna(0)
    return Presence("marked", TABLE, both.reset_index(), ("trade", "origin"))


def named(world: World, change: Change, new: Scorer, old: Scorer) -> str:
    """What leads according to the diagnosis."""
    both = Models({"new": new if change.whose == "model" else old, "old": old}, "new")
    version = "build" if world.chance.random() < 1 / 2 else None  # not every log has it
    held = Logged(change.rows, world.columns, DIMENSIONS, version, change.before, presence=(change.presence,))
    found = rerun(held, both)
    if found.refused is not None:
        return "refused"
    missing = missing_of(found, TABLE, change.where)
    try:
        split = split_change(change.rows, change.before, world.columns, both, change.where, missing=missing)
    except TooFewRows as error:
        return str(error)
    return split.leading.name if split.leading else "nothing"


def outcome(seed: int) -> tuple[str, str] | None:
    """(whose it is, whose it is said to be) for one seed; None where the draw gave no change to speak of."""
    world, whose = draw(seed), WHOSE[seed % len(WHOSE)]
    old, new = taught(world, seed), taught(world, seed + 1, skew=float(world.chance.uniform(1, 3)))
    with running(old, new) as (first, second):
        for _ in range(5):
            change = changed(world, whose, second, first)
            if change is not None:
                return whose, named(world, change, second, first)
    return None


def rows(table: Rows) -> Iterator[Row]:
    """How often what changed is named rightly, in total and for each kind."""
    begun = time.monotonic()
    outcomes = [one for one in map(outcome, SEEDS) if one is not None]
    right = Counter(whose for whose, said in outcomes if whose == said)
    wrong = Counter(f"{whose} called {said}" for whose, said in outcomes if whose != said)
    each = ", ".join(f"{name} {right[name]}/{sum(whose == name for whose, _ in outcomes)}" for name in WHOSE)
    detail = f"{each}; {dict(wrong)}" if wrong else each
    work = f"input, model, serving or logging, {len(outcomes)} changes of a slice"
    yield table.above(work, sum(right.values()) / len(outcomes), "named rightly", LEAST_RIGHT, detail)
    yield table.without_goal("the same, a change", (time.monotonic() - begun) / len(outcomes), "s")
