"""A ranking model's log in Parquet, with a known truth: scores that are chances, what was chosen, runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from domain.recommender.recommender import Recommender
from workers.declaration.declare import load

END = datetime(2026, 3, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
A_REQUEST, SHOWN = 8, 4
FEATURES = ("taste", "fame", "age")

DECLARED = """
[recommender]
name = "rankings"
[tables.candidates]
path = "candidates/*.parquet"
time = "at"
window = "1h"
item = "item"
member = "member"
dimensions = ["device", "genre"]
[tables.chosen]
path = "chosen.parquet"
time = "at"
item = "item"
[tables.shown]
path = "candidates/*.parquet"
time = "at"
item = "item"
[tables.learned]
path = "learned.parquet"
[tables.runs]
path = "runs.parquet"
time = "trained_at"
window = "1d"
[models.ranker]
path = "ranker.skops"
features = ["taste", "fame", "age"]
candidates = "candidates"
request = "request"
item = "item"
score = "score"
shown = "shown"
version = "version"
top = 4
[exposure]
shown = "shown"
chosen = "chosen"
request = "request"
"""

Spoil = Callable[[pd.DataFrame, pd.Series, np.random.Generator], pd.DataFrame]
"""Of the candidates and which of them are of the last hour, the candidates with a fault."""


def write_rankings(
    folder: Path,
    checks: str,
    spoil: Spoil | None = None,
    *,
    hours: int = 30,
    requests_an_hour: int = 250,
    runs: pd.DataFrame | None = None,
    seed: int = 4,
) -> Recommender:
    """
    Some hours of requests and the declaration with `checks`, read. What is chosen follows what the scores
    would be without the fault.
    """
    chance = np.random.default_rng(seed)
    frame, chosen = _candidates(hours, requests_an_hour, chance)
    last = frame["at"] >= END - HOUR
    frame = spoil(frame, last, chance) if spoil else frame
    (folder / "candidates").mkdir(exist_ok=True, parents=True)
    pq.write_table(_as_it_is(frame), folder / "candidates" / "all.parquet")
    chosen.to_parquet(folder / "chosen.parquet", index=False)
    learned, _chosen = _candidates(8, requests_an_hour, np.random.default_rng(seed + 1))
    learned[[*FEATURES, "device"]].to_parquet(folder / "learned.parquet", index=False)
    (runs if runs is not None else trained()).to_parquet(folder / "runs.parquet", index=False)
    (folder / "recsysops.toml").write_text(DECLARED + checks)
    return load(folder, {})


def _as_it_is(frame: pd.DataFrame) -> pa.Table:
    """The frame as Arrow, in which what is not a number is just that, and not null."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for place, name in enumerate(frame.columns):
        if frame[name].dtype.kind == "f":
            table = table.set_column(place, name, pa.array(frame[name].to_numpy()))
    return table


def trained(nights: int = 12, seed: int = 2, **last: float) -> pd.DataFrame:
    """Trainings at three each night, from data up to midnight; the last one says what is given."""
    chance = np.random.default_rng(seed)
    at = [END - (nights - night) * DAY + 3 * HOUR for night in range(nights)]
    frame = pd.DataFrame({"trained_at": at, "data_until": [one - 3 * HOUR for one in at]})
    frame["auc"] = chance.normal(0.78, 0.004, nights)
    frame["rows"] = chance.normal(90_000, 1_500, nights).round()
    for name, value in last.items():
        frame.loc[nights - 1, name] = value
    return frame


def _candidates(hours: int, an_hour: int, chance: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    requests = hours * an_hour
    seconds = np.sort(chance.uniform(0, hours * 3_600, requests))
    at = pd.DatetimeIndex(END - hours * HOUR + pd.to_timedelta(seconds, unit="s")).as_unit("us")
    shape = (requests, A_REQUEST)
    taste, fame, age = chance.normal(0, 1, shape), chance.beta(2, 4, shape), chance.gamma(2, 8, shape)
    odds = -2.2 + 0.9 * taste + 1.5 * fame - 0.01 * age
    order = np.argsort(-odds, axis=1)
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(A_REQUEST)[None], axis=1)
    score = 1 / (1 + np.exp(-odds))
    frame = pd.DataFrame(
        {
            "at": np.repeat(at, A_REQUEST),
            "request": np.repeat(np.arange(requests), A_REQUEST),
            "member": [f"m{n}" for n in np.repeat(chance.integers(0, 900, requests), A_REQUEST)],
            "item": [f"i{n}" for n in (np.arange(requests * A_REQUEST) * 7) % 1_999],
            "device": np.repeat(
                chance.choice(["tv", "web", "mobile"], requests, p=[0.4, 0.35, 0.25]), A_REQUEST
            ),
            "genre": chance.choice(["drama", "comedy"], requests * A_REQUEST),
            "score": score.ravel(),
            "shown": (place < SHOWN).ravel(),
            "taste": taste.ravel(),
            "fame": fame.ravel(),
            "age": age.ravel(),
        }
    )
    night = frame["at"].dt.floor("1D") + pd.Timedelta(hours=3)
    served = night.where(frame["at"] >= night, night - pd.Timedelta(days=1))
    frame["version"] = served.dt.strftime("%Y%m%dT%H%M%S")
    picked = frame["shown"] & (chance.random(len(frame)) < frame["score"])
    return frame, frame.loc[picked, ["at", "request", "item"]]
