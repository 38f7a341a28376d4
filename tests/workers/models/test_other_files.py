"""Models of other libraries, by their own files: LightGBM's text, ONNX."""

import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from domain.diagnosis.items.attribution import attribute_gap
from domain.errors import SourceError
from workers.models.files import load_model
from workers.models.process import open_model

CHANCE = np.random.default_rng(0)
HOTELS = pd.DataFrame(CHANCE.normal(size=(600, 3)), columns=["price", "stars", "distance"])
BOOKED = (HOTELS["stars"] - HOTELS["price"] + CHANCE.normal(size=600) > 0).astype(int)
NIGHTS = HOTELS["stars"] * 2 + CHANCE.normal(size=600)
TREES = {"num_leaves": 6, "verbose": -1, "num_threads": 1, "deterministic": True}


def boosted(objective: str, label: pd.Series, inputs: pd.DataFrame = HOTELS) -> lightgbm.Booster:
    return lightgbm.train(
        {"objective": objective, **TREES}, lightgbm.Dataset(inputs, label), num_boost_round=20
    )


def saved(booster: lightgbm.Booster, folder: Path) -> Path:
    booster.save_model(folder / "hotels.txt")
    return folder / "hotels.txt"


def exported(model: Any, folder: Path, **more: Any) -> Path:
    graph = to_onnx(model, HOTELS.to_numpy(np.float32)[:1], **more)
    (folder / "hotels.onnx").write_bytes(graph.SerializeToString())
    return folder / "hotels.onnx"


def test_boosted_trees_of_two_classes_speak_log_odds_to_the_bit(tmp_path: Path) -> None:
    booster = boosted("binary", BOOKED)
    with open_model(saved(booster, tmp_path)) as there:
        assert (there.kind, there.takes) == ("log_odds", 3)
        turned = HOTELS[["distance", "price", "stars"]]
        np.testing.assert_array_equal(there.score(turned), booster.predict(HOTELS, raw_score=True))
        found = there.readings(turned, np.arange(600) % 7)
    np.testing.assert_array_equal(found["chance in 64 bits"], booster.predict(HOTELS))


def test_boosted_trees_of_a_number_speak_that_number(tmp_path: Path) -> None:
    booster = boosted("regression", NIGHTS)
    with open_model(saved(booster, tmp_path)) as there:
        assert there.kind == "number"
        np.testing.assert_array_equal(there.score(HOTELS), booster.predict(HOTELS))


def test_texts_are_the_categories_that_the_trees_were_trained_with(tmp_path: Path) -> None:
    town = pd.Series(CHANCE.choice(["rome", "oslo", "lima"], 600))
    inputs = HOTELS.assign(town=town.astype("category"))
    booster = boosted("binary", ((town == "rome") & (BOOKED == 1)).astype(int), inputs)
    with open_model(saved(booster, tmp_path)) as there:
        some = HOTELS.assign(town=town)[5:105].reset_index(drop=True)
        np.testing.assert_array_equal(there.score(some), booster.predict(inputs[5:105], raw_score=True))
        with pytest.raises(SourceError, match="1 features of categories, and of those given 2 are texts"):
            there.score(some.assign(price="dear"))


@pytest.mark.parametrize("name", ["hotels.txt", "hotels.onnx"])
def test_what_pulls_the_score_of_dear_hotels_is_their_price(tmp_path: Path, name: str) -> None:
    (saved(boosted("binary", BOOKED), tmp_path), exported(LogisticRegression().fit(HOTELS, BOOKED), tmp_path))
    dear = HOTELS["price"] > 1
    with open_model(tmp_path / name) as there:
        pulls = attribute_gap(there, HOTELS[dear], HOTELS[~dear], ["price", "stars", "distance"])
    assert pulls[0][0] == "price"
    assert pulls[0][1] < 2 * min(-0.05, *(pull for _, pull in pulls[1:]))


@pytest.mark.parametrize("more", [{}, {"options": {"zipmap": False}}], ids=["chances by name", "chances"])
def test_a_graph_of_two_classes_speaks_log_odds_and_is_read_in_its_32_bits(tmp_path: Path, more: Any) -> None:
    model = MLPClassifier((8,), max_iter=400, random_state=0).fit(HOTELS.to_numpy(), BOOKED)
    with open_model(exported(model, tmp_path, **more)) as there:
        assert (there.kind, there.takes) == ("log_odds", 3)
        chance = model.predict_proba(HOTELS.to_numpy())[:, 1]
        np.testing.assert_allclose(there.score(HOTELS), np.log(chance / (1 - chance)), rtol=1e-3, atol=1e-3)
        found = there.readings(HOTELS, np.arange(600) % 7)
    assert list(found) == ["chance in 32 bits"]
    assert found["chance in 32 bits"].dtype == np.float32


def test_a_graph_of_one_number_speaks_that_number(tmp_path: Path) -> None:
    model = Ridge().fit(HOTELS.to_numpy(), NIGHTS)
    with open_model(exported(model, tmp_path)) as there:
        assert there.kind == "number"
        np.testing.assert_allclose(
            there.score(HOTELS), model.predict(HOTELS.to_numpy()), rtol=1e-3, atol=1e-3
        )


def test_features_of_a_graph_may_each_be_an_input_of_their_name(tmp_path: Path) -> None:
    model = make_pipeline(make_column_transformer((StandardScaler(), list(HOTELS))), Ridge()).fit(
        HOTELS, NIGHTS
    )
    each = [(name, FloatTensorType([None, 1])) for name in HOTELS]
    graph = to_onnx(model, initial_types=each)
    (tmp_path / "hotels.onnx").write_bytes(graph.SerializeToString())
    with open_model(tmp_path / "hotels.onnx") as there:
        assert there.takes == 3
        turned = HOTELS[["distance", "price", "stars"]]
        np.testing.assert_allclose(there.score(turned), model.predict(HOTELS), rtol=1e-3, atol=1e-3)
        with pytest.raises(SourceError, match="an input `stars` that is none of the features"):
            there.score(HOTELS[["distance", "price"]])


@pytest.mark.parametrize(
    ("name", "says"), [("m.onnx", "could not be read as ONNX"), ("m.txt", "not a text file of LightGBM's")]
)
def test_what_is_another_file_is_said(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04pickle\n")
    with pytest.raises(SourceError, match=says):
        open_model(tmp_path / name)


def test_a_library_that_is_not_there_is_named_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.onnx").touch()
    monkeypatch.delitem(sys.modules, "workers.models.onnx_file", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SourceError, match=r"what reads such a file is not installed.*recsysops\[onnx\]"):
        load_model(tmp_path / "m.onnx")


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_a_network_scores_as_where_it_was_trained(tmp_path: Path, activation: str) -> None:
    settings = {"hidden_layer_sizes": (6, 4), "activation": activation, "max_iter": 300, "random_state": 0}
    network = make_pipeline(StandardScaler(), MLPClassifier(**settings)).fit(HOTELS, BOOKED)
    scores = np.log(network.predict_proba(HOTELS)).dot([-1, 1])
    with open_model(exported(network, tmp_path, options={"zipmap": False})) as there:
        np.testing.assert_allclose(there.score(HOTELS), scores, atol=1e-4)
