"""A bookshop: every visit in one table, the candidates of those that its log by slice took in another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from recsysops_client import Slices
from recsysops_client.sampling import WHOLE, SliceSampler, place_of

END = datetime(2026, 4, 7, 12, tzinfo=UTC)
HOURS, VISITS = 6, 30_000
SHARE, K, RATE = 0.02, 30, 0.2
SIZES = {"town": 0.7, "county": 0.2, "island": 0.07, "ship": 0.025, "moon": 0.005}
DECLARED = f"""
[recommender]
name = "bookshop"

[tables.visits]
path = "visits.parquet"
time = "at"
window = "1h"
dimensions = ["place", "door"]

[tables.ranked]
path = "ranked.parquet"
time = "at"
window = "1h"
dimensions = ["place", "door"]
item = "book"

[models.shelf]
path = "shelf.skops"
features = ["length"]
candidates = "ranked"
request = "visit"
item = "book"
score = "score"
inclusion = "chance"

[models.shelf.logging]
requests = "visits"
dimensions = ["place", "door", ["place", "door"]]
share = {SHARE}
k = {K}
max_rate = {RATE}
window = "1h"
"""


def visits(seed: int = 3) -> pd.DataFrame:
    """About as many an hour; from the moon only since the fourth hour."""
    chance = np.random.default_rng(seed)
    at = np.sort(chance.uniform(0, HOURS * 3_600, VISITS))
    place = chance.choice(list(SIZES), VISITS, p=list(SIZES.values()))
    place = np.where((place == "moon") & (at < 3 * 3_600), "town", place)
    times = pd.Timestamp(END - timedelta(hours=HOURS)) + pd.to_timedelta(at, unit="s")
    door = chance.choice(["front", "back"], VISITS, p=[0.9, 0.1])
    return pd.DataFrame({"visit": np.arange(VISITS), "at": times, "place": place, "door": door})


def ranked(all_visits: pd.DataFrame, *, uniform: bool = False) -> pd.DataFrame:
    """Four candidates of each visit that the log takes, with its probability."""
    slices = Slices(("place", "door", ("place", "door")), k=K, max_rate=RATE, window_seconds=3_600)
    sampler = SliceSampler(slices, SHARE)
    seconds = (all_visits["at"] - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    each = zip(all_visits["visit"], all_visits["place"], all_visits["door"], seconds, strict=True)
    taken = [sampler.draw(visit, {"place": place, "door": door}, at) for visit, place, door, at in each]
    if uniform:
        taken = [SHARE if place_of(visit) < SHARE * WHOLE else 0.0 for visit in all_visits["visit"]]
    logged = all_visits.assign(chance=taken)
    logged = logged[logged["chance"] > 0]
    rows = logged.loc[logged.index.repeat(4)].reset_index(drop=True)
    chance = np.random.default_rng(1)
    book = [f"b{n}" for n in chance.integers(0, 50, len(rows))]
    return rows.assign(
        book=book, length=chance.uniform(50, 900, len(rows)), score=chance.normal(size=len(rows))
    )


def write(path: Path, frame: pd.DataFrame) -> None:
    times = frame.assign(at=frame["at"].astype("datetime64[us, UTC]"))
    with duckdb.cursor() as connection:
        connection.register("frame", times)
        connection.execute(f"COPY frame TO '{path}' (FORMAT parquet)")
