"""The layer at which a news site's articles part from comparable ones in the network that ranks them."""

import time
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.inside.layers import LEVEL, activations, parting_of
from domain.diagnosis.material import Material
from domain.diagnosis.replay import CandidateColumns
from domain.errors import TooFewRows
from domain.values import Evidence, Finding, Severity
from workers.models.process import open_model
from workers.models.skops_file import SkopsModel

FEATURES = ("freshness", "words", "readers", "depth")
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


def articles(seed: int, count: int = 160, each: int = 6) -> pd.DataFrame:
    """Candidates of some articles, each several times; the readers are those of the request."""
    chance = np.random.default_rng(seed)
    own = pd.DataFrame(chance.normal(size=(count, 3)), columns=["freshness", "words", "depth"])
    rows = own.loc[own.index.repeat(each)].reset_index(names="article")
    rows["article"] = "a" + rows["article"].astype(str)
    return rows.assign(readers=chance.normal(size=len(rows)))


def clicks(rows: pd.DataFrame) -> pd.Series:
    return rows["freshness"] * 2 - rows["words"] + rows["readers"] * rows["depth"] / 2


def trained(classes: bool = False, **changes: Any) -> SkopsModel:
    settings = {"hidden_layer_sizes": (16, 8), "max_iter": 400, "random_state": 0, "alpha": 0.1, **changes}
    rows = articles(1, 400)
    last = MLPClassifier(**settings) if classes else MLPRegressor(**settings)
    wanted = clicks(rows) > 0 if classes else clicks(rows)
    return SkopsModel(make_pipeline(StandardScaler(), last).fit(rows[list(FEATURES)], wanted))


def some(rows: pd.DataFrame, count: int = 20) -> "pd.Series[bool]":
    return rows["article"].isin([f"a{n}" for n in range(count)])


def parted(model: Any, rows: pd.DataFrame, count: int = 20, seed: int = 0) -> Any:
    late = some(rows, count)
    return parting_of(model, rows[late], rows[~late], FEATURES, "article", seed=seed)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_network_is_read_whatever_trained_it(tmp_path: Path, solver: str) -> None:
    model, rows = trained(solver=solver), articles(2)[list(FEATURES)][:50]
    skops.io.dump(model.estimator, tmp_path / "news.skops")
    with open_model(tmp_path / "news.skops") as there:
        np.testing.assert_array_equal(there.score(rows), model.score(rows))
        np.testing.assert_array_equal(there.activations(rows), activations(model, rows))
        assert not there.only_called(rows, rows)


@pytest.mark.parametrize("classes", [False, True], ids=["a number", "two classes"])
def test_what_its_layers_hold_gives_its_score(classes: bool) -> None:
    model, rows = trained(classes), articles(2)[list(FEATURES)][:50]
    held = activations(model, rows)
    assert list(held)[:4] == [f"0.{name}" for name in FEATURES]
    last = model.estimator.steps[-1][1]  # type: ignore[attr-defined]
    second = held[[name for name in held if str(name).startswith("2.")]].to_numpy()
    assert second.shape == (50, 8)
    scores = model.score(rows)
    within = np.abs(scores) < 18.0  # log-odds, beyond which a chance is 0 or 1 but for its last digits
    assert within.sum() > 30
    made = second @ last.coefs_[-1][:, 0] + last.intercepts_[-1]
    np.testing.assert_allclose(made[within], scores[within], atol=1e-6)


def test_a_wrong_feature_is_seen_at_the_inputs_already() -> None:
    rows = articles(3)
    rows.loc[some(rows), "freshness"] = 4.0
    found = parted(trained(), rows)
    assert found.first == found.layers[0]
    assert found.first.units[0][0] == "freshness"
    assert found.first.units[0][1] > 3
    assert found.first.p_value == pytest.approx(0.001)
    assert found.first.apart > 3 * found.first.by_chance
    assert [one.name for one in found.layers] == ["inputs", "hidden layer 1", "hidden layer 2"]


def test_what_only_the_network_makes_of_like_inputs_is_seen_at_its_layer() -> None:
    """A unit that answers to an exact opposition of two inputs, which by themselves are as usual."""
    chance, rows = np.random.default_rng(4), articles(4)
    late = some(rows)
    sign = pd.Series(chance.choice([-1.0, 1.0], 160), index=[f"a{n}" for n in range(160)])
    rows["freshness"] = rows["article"].map(sign)
    rows["words"] = np.where(late, -rows["freshness"], rows["freshness"])
    model = trained()
    network = model.estimator.steps[-1][1]  # type: ignore[attr-defined]
    network.coefs_[0][:, 5] = [6.0, -6.0, 0.0, 0.0]
    network.coefs_[0][:, 6] = [-6.0, 6.0, 0.0, 0.0]
    found = parted(model, rows)
    assert found.first is not None
    assert found.first.name == "hidden layer 1"
    assert {name for name, _ in found.first.units[:2]} == {"6", "7"}


def test_articles_like_all_others_part_no_more_often_than_chance_says() -> None:
    model = trained()
    found = [parted(model, articles(seed), seed=seed).first is not None for seed in range(40)]
    assert sum(found) <= 6  # 2 are expected at the level of 5 %; more than 6 has a chance of 1 in 300
    assert LEVEL == 0.05


def test_too_few_comparable_articles_are_said() -> None:
    rows = articles(5, 30)
    with pytest.raises(TooFewRows, match="10 comparable items are in the log, and 20 are needed"):
        parted(trained(), rows)


def test_a_model_that_is_no_network_has_no_layers() -> None:
    rows = articles(6)
    trees = HistGradientBoostingRegressor(max_iter=5).fit(rows[list(FEATURES)], clicks(rows))
    assert parted(SkopsModel(trees), rows) is None


def test_inputs_that_a_pipeline_makes_of_words_are_numbered() -> None:
    rows = articles(7).assign(section=np.tile(["sport", "local", "world"], 320))
    inputs = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["section"]), ("passthrough", ["words"])
    )
    last = MLPRegressor(hidden_layer_sizes=(4,), max_iter=50, random_state=0)
    names = ["section", "words"]
    model = SkopsModel(make_pipeline(inputs, last).fit(rows[names], clicks(rows)))
    unseen = rows.assign(section=np.where(some(rows), "a new section", rows["section"]))
    assert list(activations(model, unseen[names]))[:4] == ["0.1", "0.2", "0.3", "0.4"]
    late = some(rows)
    found = parting_of(model, unseen[late], unseen[~late], names, "article")
    assert found is not None
    assert found.first == found.layers[0]


def logged(model: Any, rows: pd.DataFrame) -> Material:
    rows = rows.assign(request=np.arange(len(rows)) % 24, score=model.score(rows[list(FEATURES)]))
    desks = pd.DataFrame({"article": [f"a{n}" for n in range(160)], "desk": ["late"] * 20 + ["day"] * 140})
    finding = Finding(
        check="reads", table="reads", slice=(("desk", "late"),), window_start=NOON - timedelta(hours=1),
        window_end=NOON, observed=10, expected=40, p_value=1e-9, severity=Severity.SEV2, title="…",
    )  # fmt: skip
    return Material(
        finding=finding, noun="articles", items=desks, key="article", features=("desk",), candidates=rows,
        candidates_before=rows, model=model,
        columns=CandidateColumns("request", "article", "score", FEATURES),
    )  # fmt: skip


def network_line(material: Material) -> Evidence:
    (line,) = (one for one in diagnose(material).evidence if "network" in one.statement)
    return line


def test_the_diagnosis_says_it_of_a_file_in_one_line(tmp_path: Path) -> None:
    rows = articles(8)
    rows.loc[some(rows), "freshness"] = -3.0
    skops.io.dump(trained().estimator, tmp_path / "news.skops")
    with open_model(tmp_path / "news.skops") as model:
        line = network_line(logged(model, rows))
    assert line.kind == "attribution"
    assert line.statement.startswith("In the network they part from ")
    assert " comparable articles at its inputs already (" in line.statement
    assert "by chance, p = 0.001), most in `freshness` (-" in line.statement
    assert [row[0] for row in line.table] == ["layer", "inputs", "hidden layer 1", "hidden layer 2"]


def test_that_they_part_nowhere_is_said_as_well() -> None:
    line = network_line(logged(trained(), articles(9)))
    assert line.kind == "other"
    assert line.statement.startswith("At no layer of the network do they part from ")


def test_too_few_comparables_take_no_other_step_with_them() -> None:
    material = logged(trained(), articles(8))
    rows = material.candidates
    assert rows is not None
    few = rows[rows["article"].isin([f"a{n}" for n in range(30)])]
    line = network_line(replace(material, candidates=few))
    assert line.statement.startswith("Where they part inside the network could not be examined: 10 compar")


def test_ten_thousand_inputs_are_looked_at_in_seconds() -> None:
    chance = np.random.default_rng(11)
    names = [f"f{n}" for n in range(10_000)]
    rows = pd.DataFrame(chance.normal(size=(360, 10_000)), columns=names)
    late = pd.Series(np.arange(360) < 60)
    rows.loc[late, "f77"] = 12.0
    network = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0)
    with warnings.catch_warnings(action="ignore"):  # three rounds are enough to have layers
        model = SkopsModel(make_pipeline(StandardScaler(), network).fit(rows, rows["f77"]))
    rows["article"] = [f"a{n}" for n in range(360)]
    began = time.monotonic()
    found = parting_of(model, rows[late], rows[~late], names, "article")
    assert time.monotonic() - began < 600  # seconds where nothing else runs
    assert found is not None
    assert found.layers[0].units[0][0] == "f77"
