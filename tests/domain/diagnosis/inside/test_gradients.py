"""What each input adds to the score of a small network."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from domain.diagnosis.items.attribution import contributions
from workers.models.process import open_model
from workers.models.skops_file import SkopsModel

CHANCE = np.random.default_rng(2)
SATURATED = 18.0  # log-odds, beyond which a chance is 0 or 1 but for its last digits
TRIPS = pd.DataFrame(
    CHANCE.normal(size=(500, 4)) * [1, 10, 0.1, 3], columns=["fare", "delay", "bias", "noise"]
)
WANTED = TRIPS["fare"] * 2 - TRIPS["delay"] / 5 + (TRIPS["fare"] > 0) * TRIPS["delay"] / 10


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("classes", [False, True], ids=["a number", "two classes"])
def test_they_add_up_to_the_difference_from_what_is_usual(activation: str, classes: bool) -> None:
    settings = {
        "hidden_layer_sizes": (12, 6),
        "activation": activation,
        "solver": "lbfgs",
        "max_iter": 2_000,
        "alpha": 1.0,
        "random_state": 0,
    }
    last = MLPClassifier(**settings) if classes else MLPRegressor(**settings)
    pipeline = make_pipeline(StandardScaler(), last)
    model = SkopsModel(pipeline.fit(TRIPS.to_numpy(), WANTED > 0 if classes else WANTED))
    rows, background = TRIPS[:60], TRIPS[60:]
    found = contributions(model, rows, background)
    usual = pd.DataFrame(
        pipeline[0].inverse_transform(pipeline[0].transform(background.to_numpy()).mean(axis=0)[None])
    )
    scores = model.score(rows)
    within = np.flatnonzero(np.abs(scores) < (SATURATED if classes else np.inf))
    assert len(within) > 30
    difference = (scores - model.score(usual))[within]
    np.testing.assert_allclose(found.sum(axis=1)[within], difference, atol=0.05, rtol=0.02)


def test_what_the_network_does_not_heed_adds_nothing() -> None:
    last = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=2_000, random_state=0, alpha=1.0)
    model = SkopsModel(make_pipeline(StandardScaler(), last).fit(TRIPS.to_numpy(), WANTED))
    share = np.abs(contributions(model, TRIPS[:100], TRIPS)).mean(axis=0)
    assert share[:2].min() > 5 * share[2:].max()


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_network_is_read_whatever_trained_it(tmp_path: Path, solver: str) -> None:
    with warnings.catch_warnings(action="ignore"):  # few rounds are enough to have weights
        network = MLPRegressor(hidden_layer_sizes=(6,), solver=solver, max_iter=40, random_state=0).fit(
            TRIPS, WANTED
        )
    skops.io.dump(network, tmp_path / "trips.skops")
    with open_model(tmp_path / "trips.skops") as there:
        np.testing.assert_allclose(
            there.contributions(TRIPS[:50], TRIPS[50:]),
            contributions(SkopsModel(network), TRIPS[:50], TRIPS[50:]),
        )
