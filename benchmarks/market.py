"""
A market's log of a million requests in which one slice has been held down for three hours: menu and diagnosis
are timed on it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import skops.io

from benchmarks.diagnosis.logged_world import TOP, World, calls, draw, logged, running, taught
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity
from workers.declaration.declare import load

REQUESTS, OWN = 1_000_000, 4_000
"""Requests in the log, and those drawn; the others repeat them under other names and at other times."""
AT = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
HELD = 1.0
LOG_HOURS, STRUCK_HOURS = 9, 3
HOUR = timedelta(hours=1)
ORIGIN = "origin 0"
DECLARED = """
[recommender]
name = "market"
[tables.requests]
path = "requests.parquet"
time = "called_at"
window = "1h"
item = "deal"
dimensions = ["origin", "client", "branch"]
[tables.put]
path = "put.parquet"
time = "called_at"
window = "1h"
item = "deal"
dimensions = ["origin", "client", "branch"]
upstream = ["requests"]
[checks.put]
kind = "slice_volume"
table = "put"
[models.ranker]
path = "ranker.skops"
features = {features}
candidates = "requests"
request = "call"
item = "deal"
score = "mark"
shown = "put"
top = {top}
[hotfixes.boost]
kind = "boost_items"
label = "Boost them"
causes = ["serving"]
amount = {amount}
deployer = "overrides"
[hotfixes.block]
kind = "block_items"
label = "Block them"
most = 1000
causes = ["serving"]
deployer = "overrides"
[deployers.overrides]
kind = "file"
path = "overrides.json"
"""


@dataclass(frozen=True)
class Market:
    """
    The market as declared, the finding of its last hour, and the deals that are held down; `path` is the log,
    whose features are those of `world`.
    """

    recommender: Recommender
    finding: Finding
    hurt: tuple[str, ...]
    world: World
    path: Path


def market(folder: Path) -> Market:
    """Write the market into a folder."""
    world = next(one for one in map(draw, range(1_000, 1_100)) if one.kind == "logistic")
    hurt = tuple(world.deals.loc[world.deals["origin"] == ORIGIN, "deal"])
    path = _written(world, hurt, folder)
    declared = DECLARED.format(features=list(world.features), top=TOP, amount=HELD)
    (folder / "recsysops.toml").write_text(declared.replace("'", '"'))
    recommender = load(folder / "recsysops.toml", os.environ)
    return Market(recommender, _finding(folder), hurt, world, path)


def _written(world: World, hurt: tuple[str, ...], folder: Path) -> Path:
    """The log, and the model's file."""
    estimator = taught(world, 1)
    skops.io.dump(estimator, folder / "ranker.skops")
    with running(estimator) as (model,):
        plain = calls(world, OWN)
        late = plain["call"].to_numpy() % LOG_HOURS >= LOG_HOURS - STRUCK_HOURS
        added = np.where(plain["deal"].isin(hurt) & late, -HELD, 0.0)
        own = logged(world, plain, model, added=added)
    path, times = folder / "requests.parquet", REQUESTS // OWN
    with duckdb.connect() as engine:
        engine.register("own", own)
        # A request's hour says whether the fault was on; within the hour each copy has its own moment.
        engine.execute(
            f"COPY (SELECT own.* REPLACE (own.call + {OWN} * copy AS call), TIMESTAMPTZ '{AT.isoformat()}' "
            f"- to_hours({LOG_HOURS}) + to_hours(own.call % {LOG_HOURS}) "
            f"+ to_microseconds((1000 * copy * 3600000 // {times}) + own.call) AS called_at "
            f"FROM range({times}) AS copies(copy), own) TO '{path}' (FORMAT parquet)"
        )
        engine.execute(
            f"COPY (SELECT * FROM '{path}' WHERE put) TO '{folder / 'put.parquet'}' (FORMAT parquet)"
        )
    return path


def _finding(folder: Path) -> Finding:
    """What the slice lacks in the last hour, compared with the hours before it was struck."""
    late, early = f"called_at >= '{AT - HOUR}'", f"called_at < '{AT - STRUCK_HOURS * HOUR}'"
    of = f"FROM '{folder / 'put.parquet'}' WHERE origin = '{ORIGIN}'"
    with duckdb.connect() as engine:
        found = engine.execute(f"SELECT count(*) FILTER ({late}), count(*) FILTER ({early}) {of}").fetchone()
    observed, before = map(float, found or (0, 0))
    expected = before / (LOG_HOURS - STRUCK_HOURS)
    return Finding(
        check="put", table="put", slice=(("origin", ORIGIN),), window_start=AT - HOUR, window_end=AT,
        observed=observed, expected=expected, low=0.95 * expected, high=1.05 * expected, p_value=1e-9,
        severity=Severity.SEV2, title="put less",
    )  # fmt: skip
