"""A healthy recommender in a folder, with whatever names a test wants."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io

from tests.domain.conftest import AT, MODEL_FEATURES, catalogue, log_of, trained

NO_NAMES: Mapping[str, str] = {}
DECLARED = """
[recommender]
name = "small"
[tables.candidates]
path = "candidates.parquet"
time = "request_at"
window = "15m"
item = "item_id"
member = "member_id"
[tables.items]
path = "items.parquet"
key = "item_id"
[tables.items_snapshots]
path = "snapshots.parquet"
time = "delivered_at"
key = "item_id"
[items]
table = "items"
key = "item_id"
features = ["language", "genre", "country", "popularity"]
[models.ranker]
path = "ranker.skops"
features = ["language_match", "genre_affinity", "popularity"]
candidates = "candidates"
request = "request_id"
item = "item_id"
score = "score"
propensity = "propensity"
version = "model_version"
kept = { path = "ranker-{version}.skops" }
top = 5
[deployers.overrides]
kind = "file"
path = "overrides.json"
[deployers.hooks]
kind = "webhook"
url = "http://127.0.0.1:9/hook"
secret_env = "HOOK_SECRET"
"""
FILL = """
[hotfixes.fill_language]
kind = "fill_feature"
label = "Fill in the language"
causes = ["feature"]
feature = "language"
deployer = "overrides"
"""
BOOST = """
[hotfixes.boost]
kind = "boost_items"
label = "Boost them"
causes = ["serving"]
amount = 1.0
deployer = "overrides"
"""
BLOCK = """
[hotfixes.block]
kind = "block_items"
label = "Take them out"
causes = ["filter"]
deployer = "overrides"
"""
DELIVERY = """
[hotfixes.rollback]
kind = "webhook"
label = "Roll back"
causes = ["feature"]
deployer = "hooks"
replay = { kind = "snapshot", table = "items_snapshots" }
"""
MODEL = """
[hotfixes.older_model]
kind = "model_rollback"
label = "Serve the model before"
causes = ["model"]
deployer = "hooks"
[hotfixes.half]
kind = "traffic_split"
share = 0.5
label = "Half by the model before"
causes = ["model"]
deployer = "hooks"
"""
OFFSET = """
[hotfixes.offset]
kind = "score_offset"
amount = 0.8
of = { genre = "drama" }
label = "Lift drama"
causes = ["serving"]
deployer = "hooks"
"""


def write_small(
    folder: Path,
    *hotfixes: str,
    named: Mapping[str, str] = NO_NAMES,
    same_model: bool = False,
    at: datetime = AT,
    seed: int = 11,
) -> Path:
    """
    Five hours of healthy requests, three deliveries, two versions of the model; the declaration's path.

    Args:
        named: what a column, table or value is called here instead.
        at: when the last request was.
        same_model: whether the version before ranks as the newest does.
    """
    chance = np.random.default_rng(seed)
    model, items = trained(chance), catalogue(chance)
    logged = log_of(chance, items, model, 900, 0)
    requests = logged["request_id"].unique()
    share = dict(zip(requests, np.sort(chance.uniform(0, 1, len(requests))), strict=True))
    ago = (1 - logged["request_id"].map(share).to_numpy()) * timedelta(hours=5)
    logged = logged.assign(request_at=pd.Timestamp(at) - ago, model_version="v8")
    earlier = logged.head(30 * 20).assign(request_at=pd.Timestamp(at), model_version="v7")
    earlier["request_at"] -= pd.Timedelta(days=2)
    earlier["request_id"] += 10_000
    deliveries = [
        _changed(items, days).assign(delivered_at=pd.Timestamp(at) - pd.Timedelta(days=days + 1))
        for days in (2, 1, 0)
    ]
    _write(folder / "candidates.parquet", pd.concat([earlier, logged]), named, "request_at")
    _write(folder / "items.parquet", items, named)
    _write(folder / "snapshots.parquet", pd.concat(deliveries), named, "delivered_at")
    assert MODEL_FEATURES == ("language_match", "genre_affinity", "popularity")
    skops.io.dump(model.estimator, folder / "ranker.skops")
    former: Any = deepcopy(model.estimator)
    if not same_model:
        former[-1].coef_ = former[-1].coef_ * np.array([[0.9, 1.1, 0.8]])
    skops.io.dump(former, folder / "ranker-v7.skops")
    return declare(folder, *hotfixes, named=named)


def declare(folder: Path, *hotfixes: str, named: Mapping[str, str] = NO_NAMES) -> Path:
    """The declaration with these hotfixes; its path."""
    file = folder / "recsysops.toml"
    file.write_text(_renamed("".join((DECLARED, *hotfixes)), named))
    return file


def _changed(items: pd.DataFrame, days: int) -> pd.DataFrame:
    """The items as they were so many days before."""
    return items.assign(popularity=items["popularity"] * (1 - 0.01 * days))


def _write(path: Path, rows: pd.DataFrame, named: Mapping[str, str], time: str | None = None) -> None:
    if time is not None:
        rows = rows.assign(**{time: rows[time].astype("datetime64[us, UTC]")})
    rows.rename(columns=dict(named)).to_parquet(path, index=False)


def _renamed(text: str, named: Mapping[str, str]) -> str:
    for old in sorted(named, key=len, reverse=True):
        text = text.replace(old, named[old])
    return text
