"""Features: in a delivery, in what the model is fed, stale, one value for all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import RANKED_AT, Snapshots
from domain.diagnosis.pairing import AT
from domain.diagnosis.rerun.rerun import Models
from domain.diagnosis.two_by_two import split_change
from domain.values import slice_of
from tests.domain.diagnosis.shop import (
    BEFORE,
    COLUMNS,
    DIMENSIONS,
    NOW,
    ONSET,
    SINCE,
    Change,
    OfWords,
    Shop,
    Weighted,
    catalogue,
    cause_of,
    delivery,
    serve,
    shop,
    unset_taste,
)


def test_a_feature_ten_times_too_high_is_the_culprit_and_not_the_brands_that_it_pushed_out() -> None:
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 10
    spoilt = shop(items)
    victim = spoilt.finding(slice_of(brand="Alba"))
    found = diagnose(spoilt.material(victim, snapshots=delivery(items)))
    assert cause_of(found) == ("feature", "rating", slice_of(brand="Boreal"))
    assert (
        found.title
        == "`rating` of articles where brand = Boreal is 10 times what it was since the delivery at "
        "2026-05-12 17:18 UTC"
    )
    assert found.feature == "rating"
    assert any("brand = Boreal gains" in line.statement for line in found.evidence)


@pytest.mark.parametrize(("factor", "cause"), [(100.0, "feature"), (0.05, "feature"), (0.7, "unknown")])
def test_without_logged_requests_another_magnitude_is_visible_and_a_discount_is_not(
    factor: float, cause: str
) -> None:
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= factor
    spoilt = shop(items)
    material = spoilt.material(spoilt.finding(slice_of(brand="Boreal")), snapshots=delivery(items))
    found = diagnose(replace(material, candidates=None, candidates_before=None, model=None))
    assert found.cause_kind == cause
    assert (found.candidates[0].object, found.candidates[0].place) == ("rating", slice_of(brand="Boreal"))
    if cause == "feature":
        assert f"that it is {factor:g} times what it was is visible" in found.candidates[0].answers[2].words


def test_without_logged_requests_a_flag_that_is_set_for_a_whole_brand_is_no_broken_value() -> None:
    flags = np.random.default_rng(4).integers(0, 2, 240).astype(float)
    right = catalogue().assign(rating=flags)
    items = right.assign(rating=right["rating"].where(right["brand"] != "Boreal", 1.0))
    spoilt = shop(items)
    material = spoilt.material(spoilt.finding(slice_of(brand="Boreal")), snapshots=delivery(items, right))
    found = diagnose(replace(material, candidates=None, candidates_before=None, model=None))
    assert found.cause_kind == "unknown"


def test_a_finding_of_a_feed_is_placed_in_its_own_words_where_only_the_feed_has_them() -> None:
    """The feed of ratings says on whose scale they are, the catalogue does not; a scale is a brand's."""
    items = catalogue()
    right = items[["sku", "brand", "rating"]].assign(scale=items["brand"].str.upper())
    feed = right.assign(rating=right["rating"].mask(right["scale"] == "BOREAL", 100 * right["rating"]))
    usual = shop(items)
    where = slice_of(scale="BOREAL")
    of_the_feed = {"table": "ratings", "subject": "rating", "observed": 300.0, "expected": 3.0}
    finding = usual.finding(slice_of(brand="Boreal"), **of_the_feed).model_copy(update={"slice": where})
    taken = replace(delivery(feed, right), table="ratings")
    found = diagnose(usual.material(finding, series=None, snapshots=taken, benign=True))
    assert cause_of(found) == ("feature", "rating", where)
    assert found.cause is not None
    count = int((items["brand"] == "Boreal").sum())
    assert f"is 100 times what it was for {count} of {count} articles where scale = BOREAL" in found.cause


def test_another_magnitude_elsewhere_is_not_why_a_slice_loses() -> None:
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 100
    spoilt = shop(items)
    material = spoilt.material(spoilt.finding(slice_of(device="web")), snapshots=delivery(items))
    found = diagnose(replace(material, candidates=None, candidates_before=None, model=None))
    assert found.cause_kind == "unknown"


def test_without_any_delivery_kept_the_log_itself_says_which_feature_departed() -> None:
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 10
    spoilt = shop(items)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(brand="Alba"))))
    assert cause_of(found) == ("feature", "rating", slice_of(brand="Boreal"))


def test_a_feature_reaches_the_model_through_another_one_made_of_it_for_each_customer() -> None:
    """The size of a pack in grams instead of kilograms; the model sees how far it is from what one buys."""
    sizes = np.random.default_rng(12).uniform(0.2, 0.9, 240)
    right = catalogue().assign(size=sizes)
    items = right.assign(size=right["size"].where(right["brand"] != "Alba", right["size"] * 1_000))

    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        usual = rows["customer"].str[1:].astype(int) / 25
        return rows.assign(taste=1 - (np.log1p(rows["size"]) - usual).abs())

    before, now = serve(right, Weighted(), 600, 0, fed=fed), serve(items, Weighted(), 400, 10_000, fed=fed)
    spoilt = Shop(items, before, now)
    material = spoilt.material(
        spoilt.finding(slice_of(brand="Alba")),
        snapshots=delivery(items, right),
        features=("brand", "category", "size"),
    )
    found = diagnose(material)
    assert cause_of(found) == ("feature", "size", slice_of(brand="Alba"))


@pytest.mark.parametrize(
    ("held", "says"),
    [("sugar", "is sugar instead of tea"), ("herbs", "is herbs instead of tea"), (None, "is not set")],
)
def test_a_feature_of_words_that_departed_in_what_the_model_is_fed_is_the_cause(
    held: str | None, says: str
) -> None:
    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(category=rows["category"].mask(rows["brand"] == "Boreal", held))

    items, model = catalogue(), OfWords()
    if held == "herbs":
        items.loc[items["brand"] == "Boreal", "category"] = "tea"
    before, now = serve(items, model, 600, 0), serve(items, model, 400, 10_000, fed=fed)
    spoilt = Shop(items, before, now, model)
    names = tuple(name for name in DIMENSIONS if name != "category")
    found = diagnose(
        spoilt.material(
            spoilt.finding(slice_of(brand="Boreal")),
            columns=replace(COLUMNS, features=model.features),
            dimensions=names,
            logged_dimensions=names,
        )
    )
    assert cause_of(found) == ("feature", "category", slice_of(brand="Boreal"))
    assert says in str(found.title)
    assert not any("could not be" in line.statement for line in found.evidence)


@pytest.mark.parametrize("found_in", ["tea", "coffee"])
def test_two_values_that_a_delivery_exchanged_are_the_cause_in_either_of_them(found_in: str) -> None:
    right = catalogue()
    items = right.assign(category=right["category"].replace({"tea": "coffee", "coffee": "tea"}))
    spoilt = shop(items)
    finding = spoilt.finding(slice_of(category=found_in), observed=20, expected=800)
    found = diagnose(spoilt.material(finding, snapshots=delivery(items, right)))
    assert (found.cause_kind, found.object) == ("feature", "category")
    assert found.place in (slice_of(category="tea"), slice_of(category="coffee"))
    assert "is tea instead of coffee" in str(found.title) or "is coffee instead of tea" in str(found.title)


def test_a_few_that_came_into_a_slice_do_not_make_it_another_one() -> None:
    right = catalogue()
    few = (right["category"] == "sugar") & (np.arange(len(right)) < 40)
    items = right.assign(category=right["category"].mask(few, "coffee"))
    spoilt = shop(items)
    finding = spoilt.finding(slice_of(category="coffee"), observed=400, expected=800)
    found = diagnose(spoilt.material(finding, snapshots=delivery(items, right)))
    assert found.object != "category"


def test_features_that_departed_in_one_slice_are_put_back_together() -> None:
    """A join that finds nothing for one brand: none of its features does by itself what all of them do."""

    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        lost = rows["brand"] == "Boreal"
        return rows.assign(**{name: rows[name].mask(lost, 0.1) for name in ("rating", "popularity", "taste")})

    spoilt = shop(fed=fed)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(brand="Boreal"))))
    assert (found.cause_kind, found.place) == ("feature", slice_of(brand="Boreal"))
    assert "; so did `" in str(found.cause)


@pytest.mark.parametrize(("column", "cause"), [("category_match", "category"), ("rating", "rating")])
def test_a_delivery_of_a_moment_ago_is_the_cause_of_what_is_made_from_it(column: str, cause: str) -> None:
    """The window holds minutes before it as well: too few requests since to say what it does to ranks."""
    right, brand = catalogue(), slice_of(brand="Boreal")
    items = right.assign(category=right["category"].mask(right["brand"] == "Boreal"))
    model = Weighted(features=("category_match", "rating", "popularity"))

    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.rename(columns={"taste": "category_match"})

    def late(rows: pd.DataFrame) -> pd.DataFrame:
        lost = (rows["brand"] == "Boreal") & (rows[AT] > rows[AT].quantile(0.7))
        return fed(rows).pipe(lambda known: known.assign(**{column: known[column].mask(lost)}))

    served = serve(right, model, 600, 0, fed=fed), serve(right, model, 40, 10_000, fed=late)
    spoilt = Shop(items, *served, model)
    finding = spoilt.finding(
        brand, table="candidates", subject=column, unit=f"rows without {column}", observed=30, expected=0.0
    )
    columns = replace(COLUMNS, features=model.features)
    found = diagnose(
        spoilt.material(
            finding,
            columns=columns,
            snapshots=delivery(items, right),
            cells=None,
            series=None,
            fault="feature",
        )
    )
    assert cause_of(found) == ("feature", cause, brand)


def test_values_missing_on_one_device_are_a_feature_of_that_device() -> None:
    spoilt = shop(fed=unset_taste)
    finding = spoilt.finding(
        (), table="candidates", subject="taste", unit="rows without taste", observed=0.33, expected=0.0
    )
    found = diagnose(spoilt.material(finding, cells=None, series=None))
    assert cause_of(found) == ("feature", "taste", slice_of(device="app"))


def unset_later(rows: pd.DataFrame) -> pd.DataFrame:
    """Nobody knows the taste any more, and a till that was off comes back, both within what was read."""
    later = rows[RANKED_AT] >= ONSET + timedelta(minutes=12)
    off = (rows["device"] == "till") & ~later
    return rows.assign(taste=rows["taste"].mask(later), device=rows["device"].mask(off, "web"))


def test_values_missing_everywhere_since_some_time_are_not_placed_where_rows_came_only_since_then() -> None:
    spoilt = shop(fed=unset_later)
    finding = spoilt.finding(
        (), table="candidates", subject="taste", unit="rows without taste", observed=1.0, expected=0.0
    )
    found = diagnose(spoilt.material(finding, cells=None, series=None))
    assert cause_of(found) == ("feature", "taste", ())


def test_stale_features_of_new_items_are_recognised_from_what_the_delivery_changed() -> None:
    """Until the last delivery nobody knew how popular they are, and the model is still fed that."""
    items, was = catalogue(), catalogue()
    was.loc[items["age"] == "new", "popularity"] = 0.0
    earlier = items[items["age"] == "old"].assign(age=["new"] * 30 + ["old"] * 185)

    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(popularity=rows["popularity"].mask(rows["age"] == "new", 0.0))

    spoilt = shop(items, earlier=earlier, fed=fed)
    finding = spoilt.finding(slice_of(age="new"))
    assert finding.change < -0.2
    found = diagnose(spoilt.material(finding, snapshots=delivery(items, was)))
    assert cause_of(found) == ("feature", "popularity", slice_of(age="new"))
    assert found.cause is not None
    assert "is stale" in found.cause
    assert "it is that of" in found.cause


def test_what_was_ranked_before_the_delivery_came_was_fed_what_there_was_then() -> None:
    items, was = catalogue(), catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 10
    came = ONSET + (NOW - ONSET) * 0.5

    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        early = (rows["brand"] == "Boreal") & (rows[AT] < pd.Timestamp(came))
        return rows.assign(rating=rows["rating"].mask(early, rows["rating"] / 10))

    spoilt = shop(items, earlier=was, fed=fed)
    taken = Snapshots(was, items, came, came - timedelta(days=1))
    found = diagnose(spoilt.material(spoilt.finding(slice_of(brand="Boreal")), snapshots=taken))
    assert [one.object for one in found.candidates] == ["rating"]
    statements = [one.statement for one in found.candidates]
    assert not [one for one in statements if "is stale" in one or "is served with another" in one]


@pytest.mark.parametrize("articles", [["sku-101"], ["sku-101", "sku-140"]])
def test_a_few_articles_that_are_fed_what_the_catalogue_does_not_hold_are_named_themselves(
    articles: list[str],
) -> None:
    """Their brand and category hold others, which are fed rightly: that these are off would be false."""

    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(popularity=rows["popularity"].mask(rows["sku"].isin(articles), 0.0))

    items = catalogue()
    spoilt = shop(items, fed=fed)
    brand = str(items.set_index("sku").loc["sku-101", "brand"])
    finding = spoilt.finding(
        slice_of(brand=brand), table="candidates", subject="popularity", unit="rows of another popularity",
        observed=0.1, expected=0.0, check="as_in_goods",
    )  # fmt: skip
    material = spoilt.material(finding, cells=None, series=None, fault="feature")
    found = diagnose(material)
    assert cause_of(found) == ("feature", "popularity", ())
    assert found.cause is not None
    assert all(f"item {one}" in found.cause for one in articles)
    assert found.items == tuple(articles)
    assert f"candidates of brand = {brand} that differ are of item" in found.evidence[0].statement


def by_chance(rows: pd.DataFrame) -> pd.DataFrame:
    """Another number for each customer and article, which nothing that is logged determines."""
    return rows.assign(taste=np.random.default_rng(len(rows)).uniform(0, 1, len(rows)))


def flat_on_the_app(rows: pd.DataFrame) -> pd.DataFrame:
    return by_chance(rows).assign(taste=lambda made: made["taste"].mask(rows["device"] == "app", 0.31))


def test_a_feature_that_is_one_number_for_all_is_found_where_nobody_knows_what_it_should_be() -> None:
    before, now = (
        serve(catalogue(), Weighted(), count, first, fed=fed)
        for count, first, fed in ((600, 0, by_chance), (400, 10_000, flat_on_the_app))
    )
    spoilt = Shop(catalogue(), before, now)
    finding = spoilt.finding((), table="candidates", subject="taste", unit="rows", observed=0.3, expected=0.0)
    found = diagnose(spoilt.material(finding, cells=None, series=None))
    assert cause_of(found) == ("feature", "taste", slice_of(device="app"))
    assert "is 0.31 for all" in str(found.title)


def test_a_delivery_to_all_items_is_not_why_one_device_is_fed_nothing() -> None:
    """Ratings moved in the delivery, everywhere; on the app the model is not fed them at all."""
    items, was = catalogue(), catalogue()
    items["rating"] = items["rating"] * 0.5

    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(rating=rows["rating"].where(rows["device"] != "app"))

    spoilt = shop(items, earlier=was, fed=fed)
    finding = spoilt.finding(
        slice_of(device="app"),
        table="candidates",
        subject="rating",
        unit="rows",
        observed=400.0,
        expected=1.0,
    )
    given = {"cells": None, "series": None, "fault": "feature", "snapshots": delivery(items, was)}
    assert cause_of(diagnose(spoilt.material(finding, **given))) == (
        "feature",
        "rating",
        slice_of(device="app"),
    )


@pytest.mark.parametrize("category", ["tea", "coffee"])
def test_two_categories_that_a_delivery_exchanged_are_counted_where_they_belong(category: str) -> None:
    before = catalogue()
    liked = before["category"] == "tea"
    before["popularity"] += 0.8 * liked
    items = before.assign(category=before["category"].replace({"tea": "coffee", "coffee": "tea"}))
    spoilt = shop(items, earlier=before)
    finding = spoilt.finding(slice_of(category=category))
    found = diagnose(spoilt.material(finding, snapshots=delivery(items, before)))
    assert cause_of(found) == ("feature", "category", slice_of(category=category))


def in_cents(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(rating=rows["rating"].mask(rows["region"] == "north", rows["rating"] * 100))


def test_a_feature_is_judged_by_what_it_was_though_the_time_before_holds_some_of_the_fault() -> None:
    """Found in its second window, where nothing says in which it began."""
    spoilt = shop(fed=in_cents)
    late = serve(catalogue(), Weighted(), 40, 5_000, fed=in_cents)
    spoilt = replace(spoilt, before=pd.concat([spoilt.before, late], ignore_index=True))
    finding = spoilt.finding(
        slice_of(region="north"),
        table="candidates",
        subject="rating",
        unit="rows",
        observed=9.0,
        expected=0.0,
    )
    found = diagnose(spoilt.material(finding, cells=None, series=None))
    assert cause_of(found) == ("feature", "rating", slice_of(region="north"))
    assert "is 100 times what it was" in str(found.cause)


def test_what_one_device_is_fed_otherwise_than_the_catalogue_holds_lies_there() -> None:
    """Found at once, with few rows: it is of all items, and of one device."""

    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        last = rows[AT] >= rows[AT].max() - pd.Timedelta(minutes=2)
        return rows.assign(rating=rows["rating"].mask(last & (rows["device"] == "app"), 0.4))

    spoilt = shop(fed=fed)
    finding = spoilt.finding(
        (), table="candidates", subject="rating", unit="rows", observed=16.0, expected=0.0
    )
    found = diagnose(spoilt.material(finding, cells=None, series=None))
    assert cause_of(found) == ("feature", "rating", slice_of(device="app"))


APP = slice_of(device="app")


def of_the_moment(rows: pd.DataFrame) -> pd.DataFrame:
    """A taste that is another number in each row: nobody knows afterwards what a row should have held."""
    return rows.assign(taste=np.random.default_rng(len(rows)).uniform(0, 1, len(rows)))


def gone_in_the_app(rows: pd.DataFrame) -> pd.DataFrame:
    rows = of_the_moment(rows)
    return rows.assign(taste=rows["taste"].where(rows["device"] != "app"))


def gone_with_another(rows: pd.DataFrame) -> pd.DataFrame:
    rows = gone_in_the_app(rows)
    return rows.assign(rating=rows["rating"].where(rows["device"] != "app"))


@pytest.mark.parametrize(
    ("fed", "change", "named"),
    [(gone_in_the_app, 0.5, True), (gone_in_the_app, 1.5, False), (gone_with_another, 0.5, False)],
)
def test_an_input_that_nobody_can_put_back_is_named_where_it_alone_is_another(
    fed: Change, change: float, named: bool
) -> None:
    items, model = catalogue(), Weighted()
    spoilt = Shop(
        items, serve(items, model, BEFORE, 0, fed=of_the_moment), serve(items, model, SINCE, 10_000, fed=fed)
    )
    split = split_change(spoilt.now, spoilt.before, COLUMNS, Models({"v7": model}, "v7"), APP)
    rate = spoilt.finding(APP, unit="mean bought", observed=0.4 * change, expected=0.4)
    found = diagnose(spoilt.material(rate, cells=None, two_by_two=split))
    assert (found.cause is not None) == named
    if named:
        assert cause_of(found) == ("feature", "taste", APP)


def test_an_input_that_nobody_can_put_back_is_not_alone_beside_one_that_is_stale() -> None:
    items, was, model = catalogue(), catalogue(), Weighted()
    was.loc[items["age"] == "new", "popularity"] = 0.0
    earlier = items[items["age"] == "old"].assign(age=["new"] * 30 + ["old"] * 185)

    def fed(rows: pd.DataFrame) -> pd.DataFrame:
        stale = rows["popularity"].mask(rows["age"] == "new", 0.0)
        return gone_in_the_app(rows.assign(popularity=stale))

    before = serve(earlier, model, BEFORE, 0, fed=of_the_moment)
    spoilt = Shop(items, before, serve(items, model, SINCE, 10_000, fed=fed))
    split = split_change(spoilt.now, before, COLUMNS, Models({"v7": model}, "v7"), APP)
    rate = spoilt.finding(APP, unit="mean bought", observed=0.2, expected=0.4)
    material = spoilt.material(rate, cells=None, two_by_two=split, snapshots=delivery(items, was))
    assert diagnose(material).cause is None
