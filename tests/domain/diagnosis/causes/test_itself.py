"""Findings about the fault itself, and not about a symptom of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import Release, Rows
from domain.diagnosis.pairing import AT
from domain.values import CauseKind, Diagnosis, Slice, slice_of
from tests.domain.diagnosis.shop import (
    DIMENSIONS,
    NOW,
    ONSET,
    Shop,
    Weighted,
    catalogue,
    cause_of,
    shop,
    unset_taste,
)


def found_itself(spoilt: Shop, fault: CauseKind, subject: str, where: Slice) -> Diagnosis:
    """By a check whose findings are of the fault itself, and of no symptom of it."""
    finding = spoilt.finding(
        where, table="candidates", subject=subject, unit="rows", observed=400.0, expected=1.0
    )
    return diagnose(spoilt.material(finding, cells=None, series=None, fault=fault))


@pytest.mark.parametrize(
    ("fault", "subject", "named"),
    [
        ("feature", "rating", "rating"),
        ("feature", "rating out of range", "rating"),
        ("model", "v6", "v6"),
        ("filter", "shown", "category"),
        ("duplicate", "basket_id + sku", "candidates"),
    ],
)
def test_a_finding_of_the_fault_itself_is_the_cause_where_nothing_upstream_says_more(
    fault: CauseKind, subject: str, named: str
) -> None:
    where = slice_of(category="coffee")
    found = found_itself(shop(), fault, subject, where)
    assert cause_of(found) == (fault, named, where)
    assert found.candidates[0].answers[2].words == "the check looks for this very fault"


def test_a_column_that_is_no_feature_is_not_called_one() -> None:
    assert found_itself(shop(), "feature", "till_receipt", slice_of(category="coffee")).cause is None


def test_scores_that_are_off_everywhere_are_of_another_file_and_no_fault_of_what_serves() -> None:
    found = found_itself(shop(model=Weighted((1.0, 2.0, 3.0))), "serving", "log_odds", ())
    assert cause_of(found) == ("model", "v7", ())


def test_a_wrong_column_is_not_the_world_that_asks_for_more() -> None:
    spoilt = shop(fed=unset_taste)
    finding = spoilt.finding(
        (), table="candidates", subject="taste", unit="rows without taste", observed=9.0, expected=1.0
    )
    came_out = Release("sku-3", ONSET, 8.0)
    found = diagnose(spoilt.material(finding, cells=None, series=None, fault="feature", releases=(came_out,)))
    assert cause_of(found)[0] == "feature"
    assert not [one for one in found.candidates if one.kind == "world"]


@pytest.mark.parametrize(("rows", "named"), [(16.0, False), (300.0, True)])
def test_a_promise_broken_by_a_few_rows_of_the_whole_table_waits_until_more_say_where(
    rows: float, *, named: bool
) -> None:
    healthy = shop()
    finding = healthy.finding(
        (), table="candidates", subject="rating", unit="rows", observed=rows, expected=0.0
    )
    found = diagnose(healthy.material(finding, cells=None, series=None, fault="feature"))
    assert (found.cause is not None) == named
    assert "too few rows say where it lies" in str(found.candidates[0].answers[1].words) or named


def test_repeated_rows_are_placed_where_they_all_are_though_found_in_the_whole_table() -> None:
    healthy = shop()
    sold = healthy.now.loc[healthy.now["shown"], ["basket_id", "sku", AT, *DIMENSIONS]].reset_index(drop=True)
    late = sold[sold[AT] >= pd.Timestamp(NOW - timedelta(minutes=10))].head(120)
    rows = Rows(
        ("basket_id", "sku"), pd.concat([late, late[late["device"] == "app"].head(15)], ignore_index=True)
    )
    finding = healthy.finding(
        (), table="sales", subject="basket_id + sku", unit="rows", observed=15.0, expected=0.0
    )
    found = diagnose(healthy.material(finding, cells=None, series=None, fault="duplicate", rows=rows))
    assert cause_of(found) == ("duplicate", "sales", slice_of(device="app"))


def of_items_without_a_rating(lacking: pd.Series, **more: Any) -> Diagnosis:
    """Of rows in baskets that are declared to name articles with a rating."""
    spoilt, items = shop(), catalogue()
    items["rating"] = items["rating"].mask(lacking)
    finding = spoilt.finding(
        (), table="baskets", subject="rating", unit="rows without rating", observed=400.0, expected=0.0
    )
    defaults = {"cells": None, "series": None, "fault": "feature", "items": items, "catalogue": "catalogue"}
    return diagnose(spoilt.material(finding, **{**defaults, "item_feature": True, **more}))


def test_rows_of_items_without_a_feature_lead_to_the_items_and_what_they_have_in_common() -> None:
    lacking = catalogue()["brand"] == "Cumulus"
    found = of_items_without_a_rating(lacking)
    assert cause_of(found) == ("feature", "rating", slice_of(brand="Cumulus"))
    says = (
        f"`rating` is not set for {lacking.sum()} of 240 articles in `catalogue`, all where brand = Cumulus"
    )
    assert found.cause == says


def test_a_single_item_that_many_rows_name_is_the_one_that_lacks_it() -> None:
    found = of_items_without_a_rating(catalogue()["sku"] == "sku-3")
    assert found.cause == "`rating` is not set for 1 of 240 articles in `catalogue`"


def test_rows_that_lack_a_column_of_their_own_are_no_fault_of_items_that_lack_it_too() -> None:
    found = of_items_without_a_rating(catalogue()["brand"] == "Cumulus", item_feature=False)
    assert "is not set for" not in (found.cause or "")
