"""Logs that cannot support a price, made from one that can: each has to be refused in words, or widened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.diagnosis.logged_world import World, calls, draw, logged, pull, running, taught
from benchmarks.table import Row, Rows
from domain.errors import SourceError
from domain.resolution.price import price
from domain.resolution.stage import REWARD, Stage, set_stage
from domain.values import Estimate, Finding, Severity

WORLDS = 8
CALLS = 400
Spoil = Callable[[World, pd.DataFrame], pd.DataFrame]


def _cut(rank: int) -> Spoil:
    def cut(_world: World, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows.groupby("call")["mark"].rank(ascending=False, method="first") <= rank]

    return cut


SPOILED: dict[str, Spoil] = {
    "cut at the 6 best": _cut(6),
    "cut at the 8 best": _cut(8),
    "only what was shown": lambda _world, rows: rows[rows["put"]],
    "propensities of 0": lambda _world, rows: rows.assign(chance=np.where(rows["put"], 0.0, 0.2)),
    "propensities above 1": lambda _world, rows: rows.assign(chance=2.0),
    "propensities missing": lambda _world, rows: rows.assign(chance=np.nan),
}


def rows(table: Rows) -> Iterator[Row]:
    """
    A row for each way of spoiling: in how many worlds no number was promised that the whole log does not
    promise.
    """
    found: dict[str, list[bool]] = {name: [] for name in SPOILED}
    for seed in range(WORLDS):
        for name, honest in _one(seed):
            found[name].append(honest)
    for name, each in found.items():
        work = f"a log {name}: refused, or an interval that holds the whole log's price"
        yield table.above(work, float(np.mean(each)), "of 1", 1.0, f"{len(each)} worlds without propensities")


def _one(seed: int) -> Iterator[tuple[str, bool]]:
    world = draw(1_000 + seed)
    hurt = tuple(world.deals.loc[world.deals["origin"] == "origin 0", "deal"])
    with running(taught(world, seed)) as (model,):

        def log(first: int, held: float) -> pd.DataFrame:
            plain = calls(world, CALLS, first)
            added = np.where(plain["deal"].isin(hurt), -held * world.scale, 0.0)
            made = logged(world, plain, model, added=added if held else None)
            taken = made["put"] & (world.chance.random(len(made)) < 1 / (1 + np.exp(1 - pull(world, plain))))
            return made.assign(**{REWARD: taken.astype(float)})

        before, since = log(0, 0.0), log(CALLS, 1.0)

        def staged(spoil: Spoil | None) -> Stage:
            now, usual = (rows if spoil is None else spoil(world, rows) for rows in (since, before))
            columns = replace(world.columns, propensity="chance" if "chance" in now else None)
            return set_stage(now, usual, columns, model, hurt, feature=None, former={}, finding=_finding())

        whole = staged(None)
        repairs = price(whole, whole.now + 0.5 * world.scale * whole.concerned).repairs
        for name, spoil in SPOILED.items():
            try:
                stage = staged(spoil)
            except SourceError:
                yield name, True
                continue
            mine = price(stage, stage.now + 0.5 * world.scale * stage.concerned).repairs
            priced = mine.low is not None and mine.high is not None and repairs.value is not None
            yield name, not priced or _between(mine, float(repairs.value or 0.0))


def _between(given: Estimate, value: float) -> bool:
    return float(given.low or 0.0) <= value <= float(given.high or 0.0)


def _finding() -> Finding:
    at = pd.Timestamp("2026-06-01T14:00Z").to_pydatetime()
    return Finding(
        check="calls", table="puts", window_start=at, window_end=at, observed=50, expected=100, low=80,
        high=120, p_value=1e-6, severity=Severity.SEV2, title="put less",
    )  # fmt: skip
