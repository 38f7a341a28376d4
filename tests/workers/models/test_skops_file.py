"""Models read from skops files."""

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from domain.errors import SourceError
from workers.models.files import load_model

CHANCE = np.random.default_rng(0)
INPUTS = pd.DataFrame(CHANCE.normal(size=(200, 3)), columns=["a", "b", "c"])
PLAYED = (INPUTS["a"] > 0).astype(int)


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingClassifier(max_iter=5),
        HistGradientBoostingRegressor(max_iter=5),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
)
def test_a_model_scores_as_it_did_before_it_was_written(tmp_path: Path, model: object) -> None:
    model.fit(INPUTS, PLAYED)  # type: ignore[attr-defined]
    skops.io.dump(model, tmp_path / "m.skops")
    loaded = load_model(tmp_path / "m.skops")
    wanted = (
        model.decision_function(INPUTS) if hasattr(model, "predict_proba") else model.predict(INPUTS)  # type: ignore[attr-defined]
    )
    np.testing.assert_allclose(loaded.score(INPUTS[["c", "a", "b"]]), wanted)


def test_a_file_that_could_run_something_is_not_opened(tmp_path: Path) -> None:
    skops.io.dump(FunctionTransformer(functools.partial(print, "harm")), tmp_path / "m.skops")
    with pytest.raises(SourceError, match=r"not trusted.*functools\.partial"):
        load_model(tmp_path / "m.skops")


def test_what_is_no_model_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no model file"):
        load_model(tmp_path / "absent.skops")
    (tmp_path / "m.skops").write_bytes(b"\x80\x04pickle")
    with pytest.raises(SourceError, match="not a skops file"):
        load_model(tmp_path / "m.skops")
