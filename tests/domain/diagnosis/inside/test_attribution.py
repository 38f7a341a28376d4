"""Pipelines that turn columns into other columns: what pulls is still attributed to the feature."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from domain.diagnosis.items.attribution import attribute_gap
from domain.errors import SourceError
from workers.models.skops_file import SkopsModel

CHANCE = np.random.default_rng(8)
FLATS = pd.DataFrame(CHANCE.normal(size=(400, 3)), columns=["rent", "rooms", "floor"])
LIKED = 2 * FLATS["rooms"] - 3 * FLATS["rent"]


def less_the_next(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns in which a step that all take alike is not seen."""
    return rows - np.roll(rows.to_numpy(), 1, axis=1) / 2


@pytest.mark.parametrize(
    "inputs",
    [
        StandardScaler(),
        make_column_transformer((StandardScaler(), ["floor", "rooms"]), ("passthrough", ["rent"])),
        PCA(3),
        PolynomialFeatures(2),
        FunctionTransformer(less_the_next),
    ],
    ids=["scaled", "turned round", "rotated", "multiplied", "less the next"],
)
def test_what_a_pipeline_does_before_its_last_step_changes_no_name(inputs: Any) -> None:
    model = SkopsModel(make_pipeline(inputs, LinearRegression()).fit(FLATS, LIKED))
    dear = FLATS["rent"] > 1
    pulls = attribute_gap(model, FLATS[dear], FLATS[~dear], ["rent", "rooms", "floor"])
    apart = FLATS[dear].mean() - FLATS[~dear].mean()
    by_name = dict(pulls)
    assert pulls[0][0] == "rent"
    assert by_name["rent"] == pytest.approx(-3 * apart["rent"], rel=0.15)
    assert abs(by_name["floor"]) < 0.1


class Called:
    """A model of which nobody knows more than what it answers."""

    kind = "number"

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        return features.iloc[:, 0].to_numpy(np.float64)


def test_a_model_that_can_only_be_called_is_not_asked_about_thousands_of_features() -> None:
    rows = pd.DataFrame(np.zeros((40, 1_001)), columns=[f"f{n}" for n in range(1_001)])
    with pytest.raises(SourceError, match=r"of 1,001 features, more than 1,000, each by itself"):
        attribute_gap(Called(), rows[:20], rows[20:], [str(name) for name in rows])
