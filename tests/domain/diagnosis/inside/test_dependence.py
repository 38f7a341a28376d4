"""What two models make of the same recipes."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from domain.diagnosis.inside.dependence import curves_of
from domain.diagnosis.rerun.rerun import Models
from domain.diagnosis.two_by_two import split_change
from domain.values import slice_of
from tests.domain.diagnosis.rerun.kitchen import COLUMNS, FEATURES, Kitchen, visits


class Faddish(Kitchen):
    """Learned that nobody reads of many steps, and all the rest as before."""

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        return super().score(features) - 2.0 * features["steps"].to_numpy()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return visits(Kitchen(1), 120, 5)


def test_the_feature_that_a_model_makes_something_else_of_comes_first(rows: pd.DataFrame) -> None:
    curves = curves_of(Kitchen(1), Faddish(1), rows, FEATURES)
    assert curves[0].feature == "steps"
    assert curves[0].apart > 20 * curves[1].apart
    assert curves[0].words.startswith("`steps` 3 → 29 moves the score -27.98 on average, +24.02")
    assert curves[0].words.endswith("by the former model")


def test_the_same_model_makes_the_same_of_all(rows: pd.DataFrame) -> None:
    assert {one.apart for one in curves_of(Kitchen(1), Kitchen(1), rows, FEATURES)} == {0.0}


def test_a_feature_that_has_one_value_has_no_curve(rows: pd.DataFrame) -> None:
    alike = rows.assign(cuisine="thai", calories=float("nan"))
    curves = curves_of(Kitchen(1), Faddish(1), alike, FEATURES)
    assert {one.feature for one in curves} == {"steps", "rating_before"}


def test_of_a_change_that_is_the_models_it_is_said_of_which_features() -> None:
    former, today = Kitchen(1), Faddish(1)
    before, now = visits(former, 150, 6), visits(today, 150, 7)
    models = Models({"r0": today, "r1": former}, "r0")
    found = split_change(now, before, COLUMNS, models, slice_of(cuisine="thai"))
    assert found.curves[0].feature == "steps"
    assert len(found.curves) == 3
