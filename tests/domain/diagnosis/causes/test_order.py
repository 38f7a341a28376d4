"""What is shown does not follow the scores it was ranked by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.diagnose import diagnose
from domain.values import Diagnosis, slice_of
from tests.domain.diagnosis.shop import COLUMNS, Shop, Weighted, catalogue, cause_of, lowered, serve

MODEL = Weighted()


def worst_first(rows: pd.DataFrame) -> pd.Series:
    return rows.groupby("basket_id")["log_odds"].rank(method="first") <= COLUMNS.top


def by_chance(rows: pd.DataFrame) -> pd.Series:
    drawn = pd.Series(np.random.default_rng(8).random(len(rows)), index=rows.index)
    return drawn.groupby(rows["basket_id"]).rank() <= COLUMNS.top


def found(rows: pd.DataFrame) -> Diagnosis:
    """Of the brand that loses most of what was shown of it."""
    ordered = Shop(catalogue(), serve(catalogue(), MODEL, 600, 0), rows, MODEL)
    cells = ordered.cells().groupby("brand")[["observed", "expected"]].sum()
    victim = str((cells["observed"] / cells["expected"]).idxmin())
    return diagnose(ordered.material(ordered.finding(slice_of(brand=victim))))


@pytest.mark.parametrize(
    ("instead", "device"), [(worst_first, "app"), (worst_first, None), (by_chance, None)]
)
def test_a_list_in_another_order_than_its_scores_is_a_fault_of_serving(
    instead: Callable[[pd.DataFrame], pd.Series], device: str | None
) -> None:
    rows = serve(catalogue(), MODEL, 400, 10_000)
    there = rows["device"] == device if device else pd.Series(data=True, index=rows.index)
    said = found(rows.assign(shown=rows["shown"].where(~there, instead(rows))))
    assert cause_of(said) == ("serving", "ranker", slice_of(device=device) if device else ())
    assert "does not follow the scores" in str(said.title)
    assert "100 % before" in str(said.cause)


def test_what_is_kept_out_leaves_the_others_in_their_order() -> None:
    """A brand is ranked and not shown: those that come in its place are the best of what is left."""
    rows = serve(catalogue(), MODEL, 400, 10_000)
    left = rows["log_odds"].where(rows["brand"] != "Alba", -np.inf)
    rank = left.groupby(rows["basket_id"]).rank(ascending=False, method="first")
    assert found(rows.assign(shown=rank <= COLUMNS.top)).cause_kind == "filter"


def test_a_score_that_is_adjusted_is_recognised_as_such_and_not_as_another_order() -> None:
    said = found(serve(catalogue(), MODEL, 400, 10_000, scored=lowered))
    assert said.cause_kind == "serving"
    assert "shifts the score" in str(said.title)
