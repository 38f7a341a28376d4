"""Feeds that lack a part of what they used to bring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.diagnosis.diagnose import diagnose
from domain.values import slice_of
from tests.domain.diagnosis.shop import catalogue, cause_of, delivery, shop


@pytest.mark.parametrize("lost", [0.5, 1.0])
def test_a_feed_of_items_that_lacks_a_part_of_them_is_the_cause_of_its_own_fewer_rows(lost: float) -> None:
    """The articles are ranked as ever: that says nothing of a feed whose rows are counted themselves."""
    right = catalogue()
    gone = (right["brand"] == "Cumulus") & (np.random.default_rng(5).random(len(right)) < lost)
    came = delivery(right[~gone], right)
    whole = float((right["brand"] == "Cumulus").sum())
    healthy = shop()
    finding = healthy.finding(
        slice_of(brand="Cumulus"), table="stock", observed=whole - float(gone.sum()), expected=whole
    )
    found = diagnose(healthy.material(finding, snapshots=replace(came, table="stock"), series=None))
    assert cause_of(found) == ("feed", "stock", slice_of(brand="Cumulus"))
    assert "The delivery of `stock` at" in str(found.cause)


def test_a_feed_whose_items_are_all_there_is_no_cause() -> None:
    healthy = shop()
    finding = healthy.finding(slice_of(brand="Cumulus"), table="stock", observed=30, expected=60)
    came = replace(delivery(catalogue(), catalogue()), table="stock")
    assert diagnose(healthy.material(finding, snapshots=came, series=None)).cause_kind == "unknown"


def test_a_feed_that_a_table_is_made_from_is_the_cause_of_the_rows_that_it_lacks() -> None:
    right = catalogue()
    gone = (right["brand"] == "Cumulus") & (np.random.default_rng(5).random(len(right)) < 0.5)
    stock = replace(delivery(right[~gone], right), table="stock")
    healthy, same = shop(), delivery(right, right)
    finding = healthy.finding(slice_of(brand="Cumulus"), table="baskets", observed=52, expected=100)
    found = diagnose(healthy.material(finding, snapshots=same, feeds=(stock,), cells=None, series=None))
    assert cause_of(found) == ("feed", "stock", slice_of(brand="Cumulus"))
    whole = diagnose(healthy.material(finding, snapshots=same, feeds=(same,), cells=None, series=None))
    assert whole.cause_kind == "unknown"
