"""The table that checks are tried on, generated from a seed, and its declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from domain.recommender.recommender import Recommender
from workers.declaration.declare import load
from workers.declaration.lines import lines_of

END = datetime(2026, 3, 29, 22, tzinfo=UTC)
"""Midnight in Berlin, at the end of the 23-hour day on which its clocks were put forward."""

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAYS, ROWS_A_DAY = 24, 600
COUNTRIES = {"France": 0.3, "Spain": 0.3, "Italy": 0.25, "Malta": 0.15}
DEVICES = {"tv": 0.5, "mobile": 0.3, "web": 0.2}
ITEMS, A_REQUEST = 50, 4
NAME = "on_trial"

Change = Callable[[pd.DataFrame], pd.DataFrame]

DECLARED = """
[recommender]
name = "shop"
timezone = "Europe/Berlin"

[tables.views]
path = "views.parquet"
time = "at"
window = "{window}"
item = "item_id"
member = "member_id"
dimensions = ["country", "device"]

[tables.items]
path = "items.parquet"

[items]
table = "items"
key = "item_id"
features = []

[tables.chosen]
path = "views.parquet"
select = 'SELECT "at", request_id, item_id FROM rows WHERE chosen'
time = "at"
window = "{window}"
item = "item_id"

[tables.learned]
path = "learned.parquet"

[models.ranker]
path = "ranker.skops"
features = ["rating"]
candidates = "views"
request = "request_id"
item = "item_id"
score = "score"
shown = "shown"
version = "version"
top = 2

[exposure]
shown = "views"
chosen = "chosen"
request = "request_id"
position = "position"

"""
OTHER = """
[checks.other]
kind = "volume"
table = "views"
"""


def sound(days: int = DAYS, end: datetime = END, seed: int = 5) -> pd.DataFrame:
    """
    A table `views` covering the `days` before `end`, in which nothing is wrong.

    A row is one of the four candidates of a request. Columns: at (aware), id (unique), request_id, member_id,
    item_id, country, device and genre (text), rating (−3 to 3), minutes (> 0), always (1), note (null in each
    row); position (1–4), score (the chance of being chosen), shown, chosen, version, milliseconds.
    """
    return _drawn(days, end, seed).copy()


@cache
def _drawn(days: int, end: datetime, seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    rows = days * ROWS_A_DAY
    back = np.sort(chance.uniform(0, days * DAY.total_seconds(), rows))[::-1]
    frame = pd.DataFrame({"at": (pd.Timestamp(end) - pd.to_timedelta(back, unit="s")).floor("us")})
    frame["id"] = np.arange(rows)
    frame["request_id"] = frame["id"] // A_REQUEST
    frame["member_id"] = [f"m{n}" for n in chance.integers(0, 200, rows)]
    first = np.repeat(chance.integers(0, ITEMS, rows // A_REQUEST), A_REQUEST)
    frame["item_id"] = [f"i{n}" for n in (first + 13 * (frame["id"] % A_REQUEST)) % ITEMS]
    frame["country"] = chance.choice([*COUNTRIES], rows, p=[*COUNTRIES.values()])
    frame["device"] = chance.choice([*DEVICES], rows, p=[*DEVICES.values()])
    frame["genre"] = chance.choice([f"g{n}" for n in range(6)], rows)
    frame["rating"] = chance.normal(0.0, 1.0, rows).clip(-3, 3)
    frame["minutes"] = chance.gamma(4.0, 8.0, rows)
    frame["always"] = 1
    frame["note"] = pd.Series([None] * rows, dtype="string")
    frame["position"] = frame["id"] % A_REQUEST + 1
    frame["score"] = chance.beta(2.0, 6.0, rows)
    frame["shown"] = chance.random(rows) < 0.75
    frame["chosen"] = frame["shown"] & (chance.random(rows) < frame["score"])
    frame["version"] = chance.choice(["v7", "v8"], rows, p=[0.9, 0.1])
    frame["milliseconds"] = 80 * chance.lognormal(0, 0.4, rows)
    return frame


def last_day(frame: pd.DataFrame) -> pd.Series:
    """(n_rows,) whether a row lies in the local day that ends at `END`."""
    return (frame["at"] >= pd.Timestamp(END - DAY + HOUR)) & (frame["at"] < pd.Timestamp(END))


def declared(
    check: Mapping[str, Any],
    frame: pd.DataFrame,
    folder: Path,
    window: str = "1d",
    history: str = "14d",
    *,
    other: bool = False,
) -> Recommender:
    """
    The table in a file under `folder`, and a declaration with the check `NAME` on it.

    Args:
        check: the keys of the check; its table and history are filled in if missing.
        other: whether the table has a second check, with this name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.cursor() as connection:  # starting an engine takes longer than writing these
        connection.register("views", frame)
        connection.execute(f"COPY views TO '{folder / 'views.parquet'}' (FORMAT parquet)")
        named = f"SELECT 'i' || range AS item_id FROM range({ITEMS})"  # noqa: S608 - our own number
        connection.execute(f"COPY ({named}) TO '{folder / 'items.parquet'}' (FORMAT parquet)")
        connection.register("learned", sound(7)[["rating", "version"]])
        connection.execute(f"COPY learned TO '{folder / 'learned.parquet'}' (FORMAT parquet)")
    keys = {"table": "views", "history": history, **check}
    text = DECLARED.format(window=window) + lines_of(NAME, keys) + (OTHER if other else "")
    (folder / "recsysops.toml").write_text(text, encoding="utf-8")
    return load(folder, {})
