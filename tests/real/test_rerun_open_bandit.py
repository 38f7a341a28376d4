"""
Models of a real shop's clicks, a linear one by scikit-learn and trees by LightGBM, by `recsysops.toml` alone:
the log, run again; what sets the items concerned apart; what pulls their score. Where OPEN_BANDIT_DATA does
not name them, the data lie beside the project.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from domain.diagnosis.material import Material
from domain.values import Diagnosis, Finding, Severity, slice_of
from tests.real.test_open_bandit import DATA
from workers.declaration.declare import load
from workers.respond.diagnose.diagnose import diagnose, gather
from workers.respond.diagnose.reading import Reader

ITEM_FEATURES = ["item_feature_0", "item_feature_1", "item_feature_2", "item_feature_3"]
USER_FEATURES = ["user_feature_0", "user_feature_1", "user_feature_2"]
FEATURES = ["item_feature_0", "affinity", *USER_FEATURES, "item_feature_2"]
CANDIDATES, TOP = 16, 3
HOURS = 10
DECLARED = f"""
[recommender]
name = "fashion"
[tables.shown]
path = "shown.parquet"
time = "at"
window = "30m"
dimensions = ["item_feature_1", "item_feature_2", "user_feature_0"]
item = "item"
[tables.scored]
path = "scored.parquet"
time = "at"
dimensions = ["item_feature_1", "item_feature_2", "user_feature_0"]
item = "item"
[tables.garments]
path = "garments.parquet"
key = "item"
[items]
table = "garments"
key = "item"
features = {ITEM_FEATURES}
[models.clicks]
path = "CLICKS"
features = {FEATURES}
candidates = "scored"
request = "request"
item = "item"
score = "score"
shown = "shown"
top = {TOP}
""".replace("'", '"')


@pytest.fixture(scope="module")
def garments() -> pd.DataFrame:
    read = pd.read_csv(DATA / "item_context.csv", index_col=0)
    return read.assign(item=read["item_id"].astype(str))[["item", *ITEM_FEATURES]]


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    """What chance showed, with the user's affinity to the item shown."""
    read = pd.read_csv(DATA / "random.csv", index_col=0)
    read["at"] = pd.to_datetime(read["timestamp"], utc=True).astype("datetime64[us, UTC]")
    affinities = read.filter(like="user-item_affinity_").to_numpy()
    return read.assign(
        affinity=affinities[np.arange(len(read)), read["item_id"]], item=read["item_id"].astype(str)
    )


class Clicks(Protocol):
    """A model that serves: its log-odds, and the file that it is kept in."""

    file: str

    def odds(self, rows: pd.DataFrame) -> Any: ...

    def save(self, path: Path) -> None: ...


class Linear:
    file = "clicks.skops"

    def __init__(self, rows: pd.DataFrame) -> None:
        texts = [*USER_FEATURES, "item_feature_2"]
        numbers = ["item_feature_0", "affinity"]
        one_hot = OneHotEncoder(handle_unknown="ignore")
        inputs = make_column_transformer((one_hot, texts), (StandardScaler(), numbers))
        clicks = make_pipeline(inputs, LogisticRegression(C=0.3, class_weight="balanced", max_iter=500))
        self.model = clicks.fit(rows[FEATURES], rows["click"])

    def odds(self, rows: pd.DataFrame) -> Any:
        return self.model.decision_function(rows[FEATURES])

    def save(self, path: Path) -> None:
        skops.io.dump(self.model, path)


class Trees:
    file = "clicks.txt"

    def __init__(self, rows: pd.DataFrame) -> None:
        self.categories = {name: sorted(rows[name].unique()) for name in [*USER_FEATURES, "item_feature_2"]}
        options = {"objective": "binary", "num_leaves": 7, "lambda_l2": 20.0, "num_threads": 1, "verbose": -1}
        self.model = lightgbm.train(options, lightgbm.Dataset(self.inputs(rows), rows["click"]), 20)

    def inputs(self, rows: pd.DataFrame) -> pd.DataFrame:
        kinds = {name: pd.CategoricalDtype(values) for name, values in self.categories.items()}
        return rows[FEATURES].astype(kinds)

    def odds(self, rows: pd.DataFrame) -> Any:
        return self.model.predict(self.inputs(rows), raw_score=True)

    def save(self, path: Path) -> None:
        self.model.save_model(path)


@pytest.fixture(scope="module", params=[Linear, Trees], ids=["linear", "trees"])
def model(request: pytest.FixtureRequest, visits: pd.DataFrame, garments: pd.DataFrame) -> Clicks:
    made: Clicks = request.param(visits.merge(garments, on="item"))
    return made


@pytest.fixture(scope="module")
def log(visits: pd.DataFrame, garments: pd.DataFrame, model: Clicks) -> pd.DataFrame:
    """The last hours' visits, 16 garments a visit as candidates, logged as a service would: 32 bits."""
    chance = np.random.default_rng(1)
    last = visits[visits["at"] > visits["at"].max() - pd.Timedelta(hours=HOURS)].reset_index(drop=True)
    chosen = np.concatenate([chance.choice(len(garments), CANDIDATES, replace=False) for _ in last.index])
    number = np.repeat(last.index.to_numpy(), CANDIDATES)
    rows = garments.iloc[chosen].reset_index(drop=True)
    rows[["at", *USER_FEATURES]] = last.loc[number, ["at", *USER_FEATURES]].to_numpy()
    rows["at"] = pd.to_datetime(rows["at"], utc=True).astype("datetime64[us, UTC]")
    rows["request"], rows["affinity"] = number, chance.poisson(0.05, len(rows)).astype(float)
    return served(rows, model)


def served(rows: pd.DataFrame, model: Clicks, added: Any = 0.0) -> pd.DataFrame:
    odds = model.odds(rows)
    score = (1 / (1 + np.exp(-(odds + added)))).astype(np.float32)
    place = pd.Series(odds + added).groupby(rows["request"].to_numpy()).rank(ascending=False, method="first")
    return rows.assign(score=score, shown=(place <= TOP).to_numpy())


def onset(log: pd.DataFrame) -> pd.Timestamp:
    return pd.Timestamp(log["at"].max()).floor("min") - pd.Timedelta(hours=3)


def diagnosed(
    folder: Path, rows: pd.DataFrame, garments: pd.DataFrame, model: Clicks, **where: str
) -> tuple[Material, Diagnosis]:
    """Written down, declared, and diagnosed for the slice `where`."""
    rows.to_parquet(folder / "scored.parquet")
    rows[rows["shown"]].to_parquet(folder / "shown.parquet")
    garments.to_parquet(folder / "garments.parquet")
    model.save(folder / model.file)
    (folder / "recsysops.toml").write_text(DECLARED.replace("CLICKS", model.file))
    recommender = load(folder / "recsysops.toml")
    at: datetime = rows["at"].max().ceil("min").to_pydatetime()
    finding = Finding(
        check="slices", table="shown", slice=slice_of(**where), window_start=onset(rows).to_pydatetime(),
        window_end=at, observed=50, expected=100, p_value=1e-9, severity=Severity.SEV2, title="shown less",
    )  # fmt: skip
    assert at - finding.window_start > timedelta(hours=2)
    return gather(Reader(recommender, finding, at))[0], diagnose(recommender, finding, at)


def test_a_healthy_log_of_texts_and_numbers_is_the_same_to_the_bit(
    tmp_path: Path, log: pd.DataFrame, garments: pd.DataFrame, model: Clicks
) -> None:
    common = str(garments["item_feature_2"].mode().iloc[0])
    material, _ = diagnosed(tmp_path, log, garments, model, item_feature_2=common)
    assert material.rerun is not None
    assert material.rerun.requests > 100
    assert material.rerun.identical + material.rerun.rounded == material.rerun.requests
    assert material.rerun.identical > 0.9 * material.rerun.requests
    assert material.rerun.differences == ()


@pytest.mark.parametrize("rank", range(6))
def test_what_serving_takes_off_a_category_is_serving_there_with_its_size(
    rank: int, tmp_path: Path, log: pd.DataFrame, garments: pd.DataFrame, model: Clicks
) -> None:
    values = garments["item_feature_1"].value_counts()
    category = str(values.index[rank % len(values)])
    hit = (log["item_feature_1"] == category) & (log["at"] >= onset(log))
    rows = served(log, model, np.where(hit, -1.5, 0.0))
    material, _ = diagnosed(tmp_path, rows, garments, model, item_feature_1=category)
    assert material.rerun is not None
    assert material.two_by_two is not None
    serving = material.rerun.of("serving")
    assert [one.where for one in serving] == [slice_of(item_feature_1=category)]
    assert serving[0].size == pytest.approx(-1.5, abs=0.01)
    assert material.two_by_two.leading is not None
    assert material.two_by_two.leading.name == "serving"


def test_a_number_that_is_wrong_for_a_category_is_identified_by_comparables_and_by_what_pulls(
    tmp_path: Path, log: pd.DataFrame, garments: pd.DataFrame, model: Clicks
) -> None:
    category = str(garments["item_feature_1"].mode().iloc[0])
    hit = (log["item_feature_1"] == category) & (log["at"] >= onset(log))
    up, down = (
        model.odds(log[hit].assign(item_feature_0=log["item_feature_0"] + by)) for by in (12.0, -12.0)
    )
    way = 1.0 if up.mean() < down.mean() else -1.0
    rows = log.assign(item_feature_0=np.where(hit, log["item_feature_0"] + 12.0 * way, log["item_feature_0"]))
    now = garments["item_feature_1"] == category
    wrong = garments.assign(item_feature_0=garments["item_feature_0"] + 12.0 * way * now)
    material, found = diagnosed(tmp_path, served(rows, model), wrong, model, item_feature_1=category)
    assert material.two_by_two is not None
    assert material.two_by_two.leading is not None
    assert material.two_by_two.leading.name == "input"
    said = [(line.kind, line.statement) for line in found.evidence]
    assert any(kind == "feature" and "`item_feature_0`" in words for kind, words in said)
    assert any(kind == "attribution" and "`item_feature_0` pulls the most" in words for kind, words in said)
