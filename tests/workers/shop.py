"""A small shop in Parquet: what was shown by a model and at random, what was chosen, a launch, a fault."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from domain.recommender.recommender import Recommender
from workers.declaration.declare import load

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=2)
FAULT_AT = END - timedelta(hours=6)
HELD_DOWN = "i07"
LAUNCHED = {"n1": 40, "n2": 30, "n3": 20, "n4": 10, "n5": 5}  # hours before the end
FAILED = "n5"
PLACES, REQUESTS, CHANCE = 4, 40_000, 0.15

DECLARED = """
[recommender]
name = "shop"
[tables.shown]
path = "shown.parquet"
time = "at"
window = "1h"
item = "item"
member = "member"
dimensions = ["device"]
[tables.chosen]
path = "chosen.parquet"
time = "at"
window = "1h"
item = "item"
[tables.candidates]
path = "candidates.parquet"
time = "at"
window = "1h"
item = "item"
member = "member"
dimensions = ["device"]
[tables.items]
path = "items.parquet"
[items]
table = "items"
key = "item"
title = "title"
launch = "launch_at"
features = ["kind", "price"]
[models.ranker]
path = "ranker.skops"
features = ["price"]
candidates = "candidates"
request = "request"
item = "item"
score = "score"
top = 2
[exposure]
shown = "shown"
chosen = "chosen"
request = "request"
position = "position"
explored = "explored"
history = "2d"
[checks.misses]
kind = "misses"
table = "candidates"
"""


def write_shop(folder: Path, seed: int = 6) -> Recommender:
    """The shop's tables and its declaration, read."""
    chance = np.random.default_rng(seed)
    items = [f"i{n:02d}" for n in range(30)] + list(LAUNCHED)
    hours = np.array([LAUNCHED.get(name, 400 * 24) for name in items])  # before the end
    merit = pd.Series(chance.gamma(6, 0.02, len(items)), index=items)
    seconds = np.sort(chance.uniform(0, 2 * 86_400, REQUESTS))
    at = pd.DatetimeIndex(START + pd.to_timedelta(seconds, unit="s")).as_unit("us")
    explored = chance.random(REQUESTS) < CHANCE
    score = np.tile(np.log(merit.to_numpy()), (REQUESTS, 1))
    score[seconds >= (FAULT_AT - START).total_seconds(), items.index(HELD_DOWN)] -= 2.5
    score[:, items.index(FAILED)] -= 4.0
    there = seconds[:, None] >= 2 * 86_400 - 3_600 * hours[None, :]
    drawn = np.where(explored[:, None], 0.0, score) + chance.gumbel(size=score.shape)
    drawn[~there] = -np.inf
    order = np.argsort(-drawn, axis=1)[:, :PLACES]
    shown = pd.DataFrame(
        {
            "at": np.repeat(at, PLACES),
            "request": np.repeat(np.arange(REQUESTS), PLACES),
            "member": [f"m{n}" for n in np.repeat(chance.integers(0, 500, REQUESTS), PLACES)],
            "device": np.repeat(chance.choice(["tv", "web"], REQUESTS), PLACES),
            "item": np.array(items)[order.ravel()],
            "position": np.tile(np.arange(1, PLACES + 1), REQUESTS),
            "explored": np.repeat(explored, PLACES),
        }
    )
    seen = merit[shown["item"]].to_numpy() * np.exp(-0.2 * (shown["position"] - 1))
    chosen = shown[chance.random(len(shown)) < seen]
    _candidates(shown, chosen, chance).to_parquet(folder / "candidates.parquet", index=False)
    shown.to_parquet(folder / "shown.parquet", index=False)
    chosen[["at", "request", "item"]].to_parquet(folder / "chosen.parquet", index=False)
    launches = END - pd.to_timedelta(hours, unit="h")
    described = {"item": items, "title": [f"Thing {name}" for name in items], "launch_at": launches}
    described |= {"kind": chance.choice(["a", "b"], len(items)), "price": chance.uniform(1, 9, len(items))}
    pd.DataFrame(described).to_parquet(folder / "items.parquet", index=False)
    (folder / "recsysops.toml").write_text(DECLARED)
    return load(folder, {})


def _candidates(shown: pd.DataFrame, chosen: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    """
    What was shown, and some that was not, with scores in which what was chosen stands high; since the fault,
    on tv, low.
    """
    held = shown[shown["request"] % 4 == 0]
    others = held.loc[held.index.repeat(2)]
    others = others.assign(item=[f"x{number}" for number in chance.integers(0, 99, len(others))])
    every = pd.concat([held, others.drop_duplicates(["request", "item"])], ignore_index=True)
    keys = pd.MultiIndex.from_frame(chosen[["request", "item"]])
    hit = pd.MultiIndex.from_frame(every[["request", "item"]]).isin(keys)
    wrong = (every["at"] >= FAULT_AT) & (every["device"] == "tv")
    lift = np.where(hit, np.where(wrong, -1.5, 1.5), 0.0)
    score = chance.normal(size=len(every)) + lift
    return every.drop(columns=["position", "explored"]).assign(
        score=score, price=chance.uniform(1, 9, len(every))
    )
