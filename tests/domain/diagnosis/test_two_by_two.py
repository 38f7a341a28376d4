"""What changed for recipes of one cuisine: the input, the model, serving, ranking or the logging."""

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.rerun.rerun import Models
from domain.diagnosis.two_by_two import TwoByTwo, split_change
from domain.errors import TooFewRows
from domain.values import slice_of
from tests.domain.diagnosis.rerun.kitchen import COLUMNS, Kitchen, visits

THAI = slice_of(cuisine="thai")


@pytest.fixture(scope="module")
def model() -> Kitchen:
    return Kitchen(1)


@pytest.fixture(scope="module")
def now(model: Kitchen) -> pd.DataFrame:
    return visits(model, 200, 5)


@pytest.fixture(scope="module")
def before(model: Kitchen) -> pd.DataFrame:
    return visits(model, 200, 6)


def listed(rows: pd.DataFrame) -> pd.DataFrame:
    place = rows.groupby("visit")["predicted_minutes"].rank(ascending=False, method="first")
    return rows.assign(listed=place <= COLUMNS.top)


def split(
    rows: pd.DataFrame, before: pd.DataFrame, *models: Kitchen, missing: tuple[int, int] | None = None
) -> TwoByTwo:
    named = {f"r{number}": one for number, one in enumerate(models)}
    return split_change(rows, before, COLUMNS, Models(named, "r0"), THAI, missing=missing)


def test_a_feature_that_is_another_is_input_and_the_same_model_is_nothing_to_the_bit(
    model: Kitchen, now: pd.DataFrame, before: pd.DataFrame
) -> None:
    rows = now.assign(steps=np.where(now["cuisine"] == "thai", 0.0, now["steps"]))
    found = split(listed(rows.assign(predicted_minutes=model.score(rows))), before, model)
    assert found.leading is not None
    assert found.leading.name == "input"
    parts = {one.name: one for one in found.parts}
    assert parts["model"].exact
    assert parts["serving"].exact
    assert found.same
    assert parts["input"].low < parts["input"].change < parts["input"].high
    assert "input all of it, model nothing, bit for bit" in found.words
    assert sum(one.change for one in found.parts) == pytest.approx(found.now - found.before)


def test_another_model_on_the_same_input_is_the_model(
    now: pd.DataFrame, before: pd.DataFrame, model: Kitchen
) -> None:
    other = Kitchen(1)
    other.estimator[-1].coef_ *= 1.02
    other.estimator[-1].coef_[3] -= 25.0
    rows = listed(now.assign(predicted_minutes=other.score(now)))
    found = split(rows, before, other, model)
    assert found.leading is not None
    assert found.leading.name == "model"
    assert (found.previous, found.same) == ("r1", False)
    without = split(rows, before, other)
    assert without.previous is None
    assert "the previous model is not kept" in without.words
    assert "model or serving" in {one.name for one in without.parts}


def test_what_serving_takes_off_is_serving(now: pd.DataFrame, before: pd.DataFrame, model: Kitchen) -> None:
    less = now["predicted_minutes"] - 12.0 * (now["cuisine"] == "thai")
    found = split(listed(now.assign(predicted_minutes=less)), before, model)
    assert found.leading is not None
    assert found.leading.name == "serving"


def test_a_filter_after_the_score_is_ranking(now: pd.DataFrame, before: pd.DataFrame, model: Kitchen) -> None:
    found = split(now.assign(listed=now["listed"] & (now["cuisine"] != "thai")), before, model)
    assert found.leading is not None
    assert found.leading.name == "ranking"


def test_requests_that_are_not_logged_are_the_logging(
    now: pd.DataFrame, before: pd.DataFrame, model: Kitchen
) -> None:
    found = split(now, before, model, missing=(140, 200))
    assert found.leading is not None
    assert found.leading.name == "logging"
    assert found.leading.low < found.leading.change < found.leading.high < 0


def test_where_nothing_changed_no_part_leads_and_no_share_is_given(
    before: pd.DataFrame, model: Kitchen
) -> None:
    found = split(visits(model, 200, 9), before, model)
    assert found.leading is None
    assert {one.share for one in found.parts} == {None}


def test_too_few_requests_are_said(now: pd.DataFrame, before: pd.DataFrame, model: Kitchen) -> None:
    with pytest.raises(TooFewRows, match="fewer than 12 logged requests"):
        split(now[now["visit"].isin(now["visit"].unique()[:5])], before, model)
