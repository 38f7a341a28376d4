"""A newspaper kiosk: what was ranked, offered and bought, its model, and no check at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from skops.io import dump

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURS = 60
DECLARATION = """\
[recommender]
name = "kiosk"

[tables.offered]
path = "offered.parquet"
time = "at"
window = "1h"
dimensions = ["town", "device"]
item = "paper"
upstream = ["ranked"]

[tables.bought]
path = "bought.parquet"
time = "at"
window = "1h"
dimensions = ["town"]
item = "paper"
upstream = ["offered"]

[tables.ranked]
path = "ranked.parquet"
time = "at"
window = "1h"
dimensions = ["town"]
item = "paper"

[tables.papers]
path = "papers.parquet"
key = "paper"

[items]
table = "papers"
key = "paper"
features = ["language"]

[exposure]
shown = "offered"
chosen = "bought"
request = "visit"

[models.ranker]
path = "ranker.skops"
features = ["near", "read_before"]
candidates = "ranked"
request = "visit"
item = "paper"
score = "score"
shown = "offered"
version = "version"
registry = { path = "ranker.json", version = "serving" }
top = 2

[routes]
default = "#kiosk"

[permissions]
respond = ["oncall"]
deploy = ["oncall"]
approve = ["leads"]
"""


def built(folder: Path) -> Path:
    """The kiosk in a folder, with its declaration."""
    chance = np.random.default_rng(3)
    papers = ["herald", "post", "globe", "sun"]
    ranker = LogisticRegression().fit(np.array([[0.0, 0.2], [1.0, 0.4]]), np.array([0, 1]))
    visits = pd.DataFrame({"visit": range(HOURS * 20)})
    visits["at"] = NOW - pd.to_timedelta(visits["visit"] % HOURS, unit="h") - timedelta(minutes=3)
    visits["town"] = chance.choice(["Lund", "Ystad"], len(visits))
    visits["device"] = chance.choice(["phone", "desk"], len(visits))
    ranked = visits.merge(pd.DataFrame({"paper": papers}), how="cross")
    ranked[["near", "read_before"]] = chance.random((len(ranked), 2))
    ranked["score"] = ranker.predict_proba(ranked[["near", "read_before"]].to_numpy())[:, 1]
    ranked["offered"] = ranked.groupby("visit")["score"].rank(ascending=False) <= 2
    ranked["version"] = "v1"
    offered = ranked[ranked["offered"]].drop(columns="offered")
    bought = offered[chance.random(len(offered)) < 0.2]
    frames = {"ranked": ranked, "offered": offered, "bought": bought}
    frames["papers"] = pd.DataFrame({"paper": papers, "language": ["sv", "sv", "en", "en"]})
    for name, frame in frames.items():
        with duckdb.connect() as connection:
            connection.register("frame", frame)
            connection.execute(f"COPY frame TO '{folder / name}.parquet' (FORMAT parquet)")
    dump(ranker, folder / "ranker.skops")
    (folder / "ranker.json").write_text('{"serving": "v1"}')
    (folder / "recsysops.toml").write_text(DECLARATION)
    return folder
