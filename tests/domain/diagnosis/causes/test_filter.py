"""Items that no longer come up, or are ranked but not shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.diagnose import diagnose
from domain.values import Diagnosis, Slice, slice_of
from tests.domain.diagnosis.shop import (
    BEFORE,
    Change,
    Shop,
    Weighted,
    catalogue,
    cause_of,
    delivery,
    lowered,
    serve,
    shop,
)


def test_a_delivery_that_lacks_a_brand_is_the_cause_and_not_a_filter() -> None:
    right = catalogue()
    items = right[right["brand"] != "Delta"].reset_index(drop=True)
    spoilt = shop(items)
    material = spoilt.material(
        spoilt.finding(slice_of(brand="Delta")), snapshots=delivery(items, right), catalogue="products"
    )
    found = diagnose(material)
    assert cause_of(found) == ("feed", "products", slice_of(brand="Delta"))
    assert found.cause is not None
    assert "lacks 100 % of the articles where brand = Delta" in found.cause
    assert {one.kind for one in found.candidates} >= {"feed", "filter"}
    without_log = diagnose(replace(material, candidates=None, candidates_before=None, model=None))
    assert cause_of(without_log) == ("feed", "products", slice_of(brand="Delta"))


def test_a_delivery_with_a_few_items_less_is_no_cause() -> None:
    right = catalogue()
    items = right.drop(index=range(0, 240, 30)).reset_index(drop=True)
    spoilt = shop(right, scored=lowered)
    finding = spoilt.finding(slice_of(category="coffee"))
    found = diagnose(spoilt.material(finding, snapshots=delivery(items, right), catalogue="products"))
    assert found.cause_kind != "feed"


def test_an_item_kept_out_on_one_device_is_a_filter() -> None:
    popular = str(shop().before.query("shown")["sku"].value_counts().index[0])

    def kept_out(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[(rows["sku"] != popular) | (rows["device"] != "app")]

    spoilt = shop(candidates=kept_out)
    where = slice_of(device="app", sku=popular)
    finding = spoilt.finding((), observed=0.0, expected=25.0).model_copy(update={"slice": where})
    found = diagnose(spoilt.material(finding))
    assert cause_of(found) == ("filter", popular, slice_of(device="app"))


SELDOM = "sku-187"  # comes up in 17 logged baskets of the app, and is due 3 times


def kept_from_the_app(scored: Change = lambda rows: rows) -> Diagnosis:
    """All rows say that it is not shown there, and few requests are logged."""

    def hidden(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(shown=rows["shown"] & ((rows["sku"] != SELDOM) | (rows["device"] != "app")))

    spoilt = shop(scored=scored)
    spoilt = replace(spoilt, now=hidden(spoilt.now))
    finding = spoilt.finding((), observed=0.0, expected=40.0)
    where = slice_of(device="app", sku=SELDOM)
    return diagnose(spoilt.material(finding.model_copy(update={"slice": where})))


def test_an_item_of_too_few_logged_requests_is_kept_out_where_it_comes_up_as_before() -> None:
    found = kept_from_the_app()
    assert cause_of(found) == ("filter", SELDOM, slice_of(device="app"))
    assert "0 times where 40 were usual" in str(found.cause)


def test_it_is_not_kept_out_where_its_scores_fell() -> None:
    def lowered(rows: pd.DataFrame) -> pd.DataFrame:
        mine = (rows["sku"] == SELDOM) & (rows["device"] == "app")
        return rows.assign(log_odds=rows["log_odds"] - 4.0 * mine)

    assert cause_of(kept_from_the_app(lowered))[0] != "filter"


NEW_IN_NORTH = slice_of(category="coffee", region="north")


def coffee_in_the_north(rows: pd.DataFrame) -> pd.Series:
    return (rows["category"] == "coffee") & (rows["region"] == "north")


def never(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(shown=rows["shown"] & ~coffee_in_the_north(rows))


def one_a_basket(rows: pd.DataFrame) -> pd.DataFrame:
    mine = coffee_in_the_north(rows) & rows["shown"]
    best = rows[mine].sort_values("log_odds", ascending=False).groupby("basket_id").head(1).index
    return rows.assign(shown=rows["shown"] & (~mine | rows.index.isin(best)))


@pytest.mark.parametrize(
    ("held_back", "says"),
    [(never, "is ranked and not shown"), (one_a_basket, "is shown at most once a request, ")],
)
def test_a_kind_of_article_that_is_ranked_and_held_back_in_one_region_is_a_filter(
    held_back: Change, says: str
) -> None:
    healthy = shop()
    spoilt = replace(healthy, now=held_back(healthy.now))
    found = diagnose(spoilt.material(spoilt.finding(NEW_IN_NORTH)))
    assert cause_of(found) == ("filter", "category", NEW_IN_NORTH)
    assert says in str(found.title)


def liked_in_the_north(rows: pd.DataFrame) -> pd.DataFrame:
    """Coffee is ranked high there, and low elsewhere."""
    coffee, north = rows["category"] == "coffee", rows["region"] == "north"
    return rows.assign(log_odds=rows["log_odds"] + coffee * north.map({True: 1.0, False: -1.5}))


def one_in_each_basket(rows: pd.DataFrame) -> pd.DataFrame:
    mine = (rows["category"] == "coffee") & rows["shown"]
    best = rows[mine].sort_values("log_odds", ascending=False).groupby("basket_id").head(1).index
    return rows.assign(shown=rows["shown"] & (~mine | rows.index.isin(best)))


def test_what_is_held_back_where_much_of_it_is_due_and_a_little_elsewhere_is_held_back_everywhere() -> None:
    before = serve(catalogue(), Weighted(), BEFORE, 0, scored=liked_in_the_north)
    liked = replace(shop(scored=liked_in_the_north), before=before)
    everywhere = replace(liked, now=one_in_each_basket(liked.now))
    found = diagnose(everywhere.material(everywhere.finding(NEW_IN_NORTH)))
    assert cause_of(found) == ("filter", "category", slice_of(category="coffee"))
    assert "is shown at most once a request, " in str(found.title)
    there = replace(liked, now=one_a_basket(liked.now))
    assert cause_of(diagnose(there.material(there.finding(NEW_IN_NORTH)))) == (
        "filter",
        "category",
        NEW_IN_NORTH,
    )


def only_in_the_north(rows: pd.DataFrame) -> pd.DataFrame:
    """Coffee is ranked high there, and nowhere else is any of it due."""
    coffee, north = rows["category"] == "coffee", rows["region"] == "north"
    return rows.assign(log_odds=rows["log_odds"] + coffee * north.map({True: 1.0, False: -30.0}))


def some_of_it(rows: pd.DataFrame) -> pd.DataFrame:
    """Four of five that are due in the north are left out, by chance."""
    out = coffee_in_the_north(rows) & (np.random.default_rng(4).random(len(rows)) < 0.8)
    return rows.assign(shown=rows["shown"] & ~out)


@pytest.mark.parametrize(
    ("held_back", "place", "says"),
    [
        (one_a_basket, slice_of(category="coffee"), "is shown at most once a request, "),
        (some_of_it, NEW_IN_NORTH, "is shown 77 % less"),
    ],
)
def test_a_limit_that_other_regions_could_not_reach_is_one_of_all_and_only_a_limit_is_called_one(
    held_back: Change, place: Slice, says: str
) -> None:
    before = serve(catalogue(), Weighted(), BEFORE, 0, scored=only_in_the_north)
    liked = replace(shop(scored=only_in_the_north), before=before)
    spoilt = replace(liked, now=held_back(liked.now))
    found = diagnose(spoilt.material(spoilt.finding(NEW_IN_NORTH)))
    assert cause_of(found) == ("filter", "category", place)
    assert says in str(found.title)


def numbered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(sku=rows["sku"].str.removeprefix("sku-").astype(int))


def test_an_article_known_by_a_number_that_is_held_back_on_one_device_and_a_little_elsewhere() -> None:
    healthy = Shop(
        numbered(catalogue()),
        numbered(serve(catalogue(), Weighted(), 2_000, 0)),
        numbered(serve(catalogue(), Weighted(), 3_000, 10_000)),
    )
    popular = healthy.now.query("shown")["sku"].value_counts().index[0]
    held_back = healthy.now["device"].map({"app": 0.7, "web": 0.25, "till": 0.25})
    mine = (healthy.now["sku"] == popular) & (np.random.default_rng(6).random(len(healthy.now)) < held_back)
    spoilt = replace(healthy, now=healthy.now.assign(shown=healthy.now["shown"] & ~mine))
    finding = spoilt.finding((), observed=50.0, expected=160.0)
    where = slice_of(device="app", sku=str(popular))
    found = diagnose(spoilt.material(finding.model_copy(update={"slice": where})))
    assert cause_of(found) == ("filter", str(popular), ())


def test_what_serving_always_holds_back_is_no_cause() -> None:
    healthy = shop()
    spoilt = replace(healthy, now=one_a_basket(healthy.now), before=one_a_basket(healthy.before))
    found = diagnose(spoilt.material(spoilt.finding(NEW_IN_NORTH)))
    assert found.cause_kind == "unknown"


def of_a_club(rows: pd.DataFrame, everybody: bool) -> pd.DataFrame:
    """One basket in ten has eight articles of a brand that others lack, but for one that all may have."""
    place = rows.groupby("basket_id").cumcount()
    members = rows["basket_id"].factorize()[0] % 10 == 0
    club = members & (place < 8)
    offered = (place == 8) & everybody
    return rows.assign(
        brand=rows["brand"].mask(club | offered, "Club"), sku=rows["sku"].mask(offered, "offer of the week")
    )


def test_where_an_article_that_all_had_is_over_its_whole_brand_is_not_kept_out() -> None:
    healthy = shop()
    before, now = of_a_club(healthy.before, everybody=True), of_a_club(healthy.now, everybody=False)
    spoilt = replace(healthy, before=before, now=never(now))
    found = diagnose(spoilt.material(spoilt.finding(NEW_IN_NORTH)))
    assert cause_of(found) == ("filter", "category", NEW_IN_NORTH)
    assert not any(one.place == slice_of(brand="Club") for one in found.candidates)
