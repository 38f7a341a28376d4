"""Causes whose truth is known, in a shop that is nothing like the cinema."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.candidates.table import KINDS
from domain.diagnosis.changes.other_model import took_over
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import RANKED_AT, Material, Release, Rows, Seen, Snapshots, TrainingRows
from domain.diagnosis.onset import find_onset
from domain.diagnosis.pairing import AT, Pair
from domain.recommender.lineage import Lineage
from domain.recommender.planned import Planned
from domain.values import CandidateCause, CauseKind, Diagnosis, Finding, Slice, slice_of
from tests.domain.diagnosis.shop import (
    COLUMNS,
    DIMENSIONS,
    NOW,
    ONSET,
    Change,
    OfWords,
    Shop,
    Weighted,
    catalogue,
    delivery,
    serve,
    shop,
)

APP_NORTH = slice_of(device="app", region="north")
SOLD = ("basket_id", "sku")


def answer(candidate: CandidateCause, question: str) -> bool | None:
    return next(one.holds for one in candidate.answers if one.question == question)


def told(found: Diagnosis) -> tuple[str, str | None, Slice]:
    return found.cause_kind, found.object, found.place


# ── what serves ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_feature_ten_times_too_high_is_the_culprit_and_not_the_brands_that_it_pushed_out() -> None:
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 10
    spoilt = shop(items)
    victim = spoilt.finding(slice_of(brand="Alba"))
    found = diagnose(spoilt.material(victim, snapshots=delivery(items)))
    assert told(found) == ("feature", "rating", slice_of(brand="Boreal"))
    assert (
        found.title
        == "`rating` of articles where brand = Boreal is 10 times what it was since the delivery at 17:18"
    )
    assert found.feature == "rating"
    assert any("brand = Boreal gains" in line.statement for line in found.evidence)


def test_without_any_delivery_kept_the_log_itself_says_which_feature_departed() -> None:
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 10
    spoilt = shop(items)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(brand="Alba"))))
    assert told(found) == ("feature", "rating", slice_of(brand="Boreal"))


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
    assert told(found) == ("feature", "size", slice_of(brand="Alba"))


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
    assert told(found) == ("feature", "category", slice_of(brand="Boreal"))
    assert says in str(found.title)
    assert not any("could not be" in line.statement for line in found.evidence)


def unset_taste(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(taste=rows["taste"].where(rows["device"] != "app"))


def test_values_missing_on_one_device_are_a_feature_of_that_device() -> None:
    spoilt = shop(fed=unset_taste)
    finding = spoilt.finding(
        (), table="candidates", subject="taste", unit="rows without taste", observed=0.33, expected=0.0
    )
    found = diagnose(spoilt.material(finding, cells=None, series=None))
    assert told(found) == ("feature", "taste", slice_of(device="app"))


def test_stale_features_of_new_items_are_told_from_what_the_delivery_changed() -> None:
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
    assert told(found) == ("feature", "popularity", slice_of(age="new"))
    assert found.cause is not None
    assert "is stale" in found.cause
    assert "but that of" in found.cause


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
    assert not [one for one in found.candidates if "is stale" in one.statement]


def lowered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(log_odds=rows["log_odds"] - 1.5 * (rows["category"] == "coffee"))


def test_a_score_that_serving_lowers_is_serving_and_nothing_else() -> None:
    spoilt = shop(scored=lowered)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(category="coffee"))))
    assert told(found) == ("serving", "ranker", slice_of(category="coffee"))
    assert found.cause is not None
    assert "logged minus computed is -1.50" in found.cause
    assert "for 100 % of these candidates, and 0 for the others" in found.cause


def test_what_a_check_of_the_scores_themselves_tells_is_serving_too() -> None:
    spoilt = shop(scored=lowered)
    finding = spoilt.finding(
        slice_of(category="coffee"),
        table="candidates",
        subject="score",
        unit="rows with another score than the model computes",
        observed=float((spoilt.now["category"] == "coffee").sum()),
        expected=0.0,
    )
    found = diagnose(spoilt.material(finding, cells=None, series=None))
    assert told(found) == ("serving", "ranker", slice_of(category="coffee"))


def older(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(version="v6")


def test_a_model_rolled_back_is_named_with_its_version_and_what_the_registry_says() -> None:
    spoilt = shop(model=Weighted((1.0, 2.0, 3.0)), candidates=older)
    finding = spoilt.finding(slice_of(category="tea"))
    found = diagnose(spoilt.material(finding, registered="v7"))
    assert told(found) == ("model", "v6", ())
    assert found.cause is not None
    assert "instead of v7" in found.cause
    assert "the registry names v7" in found.cause


def test_another_model_under_the_same_version_is_told_by_its_scores() -> None:
    spoilt = shop(model=Weighted((1.0, 2.0, 3.0)))
    found = diagnose(spoilt.material(spoilt.finding(slice_of(category="tea"))))
    assert told(found) == ("model", "v7", ())
    assert found.cause is not None
    assert "Another model than version v7, which the log names" in found.cause
    misses = spoilt.finding((), table="candidates", unit="low-ranked choices", observed=50.0, expected=40.0)
    assert told(diagnose(spoilt.material(misses)))[:2] == ("model", "v7")


def test_what_is_compared_with_begins_where_the_version_took_over_that_ranked_last() -> None:
    before = shop().before
    middle = pd.Timestamp(ONSET - timedelta(hours=2))
    in_turn = before.assign(version=np.where(before[AT] < middle, "v6", "v7"))
    start = took_over(in_turn, "version")
    assert start is not None
    assert timedelta(0) <= start - middle < timedelta(minutes=5)
    side_by_side = before.assign(version=np.where(before["basket_id"] % 3, "v6", "v7"))
    assert took_over(side_by_side, "version") is None
    assert took_over(before, "version") is None
    assert took_over(before, None) is None
    assert took_over(before.head(0), "version") is None


def test_a_delivery_that_lacks_a_brand_is_the_cause_and_not_a_filter() -> None:
    right = catalogue()
    items = right[right["brand"] != "Delta"].reset_index(drop=True)
    spoilt = shop(items)
    material = spoilt.material(
        spoilt.finding(slice_of(brand="Delta")), snapshots=delivery(items, right), catalogue="products"
    )
    found = diagnose(material)
    assert told(found) == ("feed", "products", slice_of(brand="Delta"))
    assert found.cause is not None
    assert "lacks 100 % of the articles where brand = Delta" in found.cause
    assert {one.kind for one in found.candidates} >= {"feed", "filter"}
    without_log = diagnose(replace(material, candidates=None, candidates_before=None, model=None))
    assert told(without_log) == ("feed", "products", slice_of(brand="Delta"))


def test_a_delivery_with_a_few_items_less_is_no_cause() -> None:
    right = catalogue()
    items = right.drop(index=range(0, 240, 30)).reset_index(drop=True)
    spoilt = shop(right, scored=lowered)
    finding = spoilt.finding(slice_of(category="coffee"))
    found = diagnose(spoilt.material(finding, snapshots=delivery(items, right), catalogue="products"))
    assert found.cause_kind != "feed"


def test_a_model_that_serves_from_now_on_is_put_to_the_requests_of_before() -> None:
    """The declared file is the new model; the one of before is gone."""
    newer = Weighted((1.0, 2.0, 3.0))
    spoilt = shop(model=newer, candidates=lambda rows: rows.assign(version="v8"))
    spoilt = Shop(spoilt.items, spoilt.before, spoilt.now, newer)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(category="tea"))))
    assert told(found) == ("model", "v8", ())


def test_faulty_training_data_is_the_cause_of_the_model_that_learned_it() -> None:
    newer = Weighted((1.0, 2.0, 3.0))
    spoilt = shop(model=newer, candidates=lambda rows: rows.assign(version="v8"))
    spoilt = Shop(spoilt.items, spoilt.before, spoilt.now, newer)
    finding = spoilt.finding(slice_of(category="tea"))
    labels = spoilt.finding(
        slice_of(device="till"), table="lessons", check="labels", unit="rows that find none",
        window_start=ONSET - timedelta(minutes=30), window_end=ONSET, title="lessons: half find no sale",
    )  # fmt: skip
    lineage = Lineage(learned_from={"shown": frozenset({"lessons"})})
    seen = Seen("labels", "lessons", labels.slice, labels.title, labels.window_start)
    found = diagnose(spoilt.material(finding, others=(seen,), lineage=lineage))
    assert told(found) == ("training_data", "lessons", slice_of(device="till"))
    itself = diagnose(Material(finding=labels, lineage=lineage))
    assert told(itself) == ("training_data", "lessons", slice_of(device="till"))


def taken(**times: float) -> TrainingRows:
    """Rows of four trainings; of the newest those of a device so many times as many."""
    chance = np.random.default_rng(5)
    cells = pd.MultiIndex.from_product(
        [["app", "web", "till"], ["north", "south"]], names=["device", "region"]
    )
    usual = pd.Series(np.outer([900.0, 500.0, 300.0], [1.0, 0.6]).ravel(), cells, name="rows")
    parts = []
    for training in range(4):
        rows = pd.Series(chance.poisson(usual * chance.uniform(0.8, 1.3)), cells, name="rows").reset_index()
        if training == 0:
            rows["rows"] *= rows["device"].map(times).fillna(1.0)
        parts.append(rows.assign(training=training))
    counts = pd.concat(parts, ignore_index=True).astype({"rows": float})
    return TrainingRows("lessons", ONSET - timedelta(minutes=2), ("device", "region"), counts)


TAUGHT = Lineage(learned_from={"shown": frozenset({"lessons"})})


def newer_model() -> Shop:
    newer = Weighted((1.0, 2.0, 3.0))
    spoilt = shop(model=newer, candidates=lambda rows: rows.assign(version="v8"))
    return Shop(spoilt.items, spoilt.before, spoilt.now, newer)


@pytest.mark.parametrize(("times", "words"), [(6.0, "times as many rows"), (0.0, "no rows of device = web")])
def test_a_segment_that_the_newest_training_took_otherwise_is_told_without_any_check_of_it(
    times: float, words: str
) -> None:
    spoilt = newer_model()
    finding = spoilt.finding(slice_of(category="tea"))
    found = diagnose(spoilt.material(finding, lineage=TAUGHT, training_rows=(taken(web=times),)))
    assert told(found) == ("training_data", "lessons", slice_of(device="web"))
    assert found.cause is not None
    assert words in found.cause
    usual = diagnose(spoilt.material(finding, lineage=TAUGHT, training_rows=(taken(),)))
    assert told(usual) == ("model", "v8", ())


def test_odd_training_data_is_no_cause_while_the_model_of_before_ranks() -> None:
    spoilt = shop(scored=lowered)
    finding = spoilt.finding(slice_of(category="coffee"))
    found = diagnose(spoilt.material(finding, lineage=TAUGHT, training_rows=(taken(web=6.0),)))
    assert told(found)[0] == "serving"


def test_a_finding_of_the_whole_training_data_is_placed_in_the_segment_that_is_off() -> None:
    labels = shop().finding((), table="lessons", subject="in sales", unit="rows that find none")
    found = diagnose(Material(finding=labels, lineage=TAUGHT, training_rows=(taken(till=8.0),)))
    assert told(found) == ("training_data", "lessons", slice_of(device="till"))


def test_training_data_whose_distribution_changed_are_not_called_faulty() -> None:
    drifted = shop().finding(slice_of(device="till"), table="lessons", subject="region", unit="share")

    def of(rows: TrainingRows) -> Material:
        return Material(finding=drifted, training_rows=(rows,), lineage=TAUGHT, benign=True)

    found = diagnose(of(taken()))
    assert found.cause is None
    assert [one.kind for one in found.candidates] == ["training_data"]
    assert told(diagnose(of(taken(web=8.0)))) == ("training_data", "lessons", slice_of(device="web"))


def test_an_item_kept_out_on_one_device_is_a_filter() -> None:
    popular = str(shop().before.query("shown")["sku"].value_counts().index[0])

    def kept_out(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[(rows["sku"] != popular) | (rows["device"] != "app")]

    spoilt = shop(candidates=kept_out)
    where = slice_of(device="app", sku=popular)
    finding = spoilt.finding((), observed=0.0, expected=25.0).model_copy(update={"slice": where})
    found = diagnose(spoilt.material(finding))
    assert told(found) == ("filter", popular, slice_of(device="app"))


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
    assert told(found) == ("filter", SELDOM, slice_of(device="app"))
    assert "0 times where 40 were usual" in str(found.cause)


def test_it_is_not_kept_out_where_its_scores_fell() -> None:
    def lowered(rows: pd.DataFrame) -> pd.DataFrame:
        mine = (rows["sku"] == SELDOM) & (rows["device"] == "app")
        return rows.assign(log_odds=rows["log_odds"] - 4.0 * mine)

    assert told(kept_from_the_app(lowered))[0] != "filter"


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
    [(never, "is ranked and not shown"), (one_a_basket, "% less than its scores say")],
)
def test_a_kind_of_article_that_is_ranked_and_held_back_in_one_region_is_a_filter(
    held_back: Change, says: str
) -> None:
    healthy = shop()
    spoilt = replace(healthy, now=held_back(healthy.now))
    found = diagnose(spoilt.material(spoilt.finding(NEW_IN_NORTH)))
    assert told(found) == ("filter", "category", NEW_IN_NORTH)
    assert says in str(found.title)


def test_what_serving_always_holds_back_is_no_cause() -> None:
    healthy = shop()
    spoilt = replace(healthy, now=one_a_basket(healthy.now), before=one_a_basket(healthy.before))
    found = diagnose(spoilt.material(spoilt.finding(NEW_IN_NORTH)))
    assert found.cause_kind == "unknown"


def by_chance(rows: pd.DataFrame) -> pd.DataFrame:
    """Another number for each customer and article, which nothing that is logged tells."""
    return rows.assign(taste=np.random.default_rng(len(rows)).uniform(0, 1, len(rows)))


def flat_on_the_app(rows: pd.DataFrame) -> pd.DataFrame:
    return by_chance(rows).assign(taste=lambda made: made["taste"].mask(rows["device"] == "app", 0.31))


def test_a_feature_that_is_one_number_for_all_is_told_where_nobody_knows_what_it_should_be() -> None:
    before, now = (
        serve(catalogue(), Weighted(), count, first, fed=fed)
        for count, first, fed in ((600, 0, by_chance), (400, 10_000, flat_on_the_app))
    )
    spoilt = Shop(catalogue(), before, now)
    finding = spoilt.finding((), table="candidates", subject="taste", unit="rows", observed=0.3, expected=0.0)
    found = diagnose(spoilt.material(finding, cells=None, series=None))
    assert told(found) == ("feature", "taste", slice_of(device="app"))
    assert "is 0.31 for all" in str(found.title)


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
    assert told(found) == (fault, named, where)
    assert found.candidates[0].answers[2].words == "the finding is of it itself"


def test_a_column_that_is_no_feature_is_not_called_one() -> None:
    assert found_itself(shop(), "feature", "till_receipt", slice_of(category="coffee")).cause is None


def test_scores_that_are_off_everywhere_are_of_another_file_and_no_fault_of_what_serves() -> None:
    found = found_itself(shop(model=Weighted((1.0, 2.0, 3.0))), "serving", "log_odds", ())
    assert told(found) == ("model", "v7", ())


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
    assert told(diagnose(spoilt.material(finding, **given))) == ("feature", "rating", slice_of(device="app"))


def test_a_wrong_column_is_not_the_world_that_asks_for_more() -> None:
    spoilt = shop(fed=unset_taste)
    finding = spoilt.finding(
        (), table="candidates", subject="taste", unit="rows without taste", observed=9.0, expected=1.0
    )
    came_out = Release("sku-3", ONSET, 8.0)
    found = diagnose(spoilt.material(finding, cells=None, series=None, fault="feature", releases=(came_out,)))
    assert told(found)[0] == "feature"
    assert not [one for one in found.candidates if one.kind == "world"]


def test_a_version_is_placed_by_what_was_ranked_since_it_first_did() -> None:
    """Once the other model took over, there were requests of one device only."""
    spoilt = shop(model=Weighted((1.0, 2.0, 3.0)))
    late = spoilt.now[RANKED_AT] >= spoilt.now[RANKED_AT].quantile(0.3)
    now = spoilt.now.assign(version=np.where(late, "v8", "v7"))[late == (spoilt.now["device"] == "web")]
    found = diagnose(replace(spoilt, now=now).material(spoilt.finding(slice_of(category="tea"))))
    assert [one.place for one in found.candidates if one.object == "v8"] == [()]


def test_a_model_file_that_never_served_is_said_and_nothing_is_ranked_again_with_it() -> None:
    spoilt = shop(scored=lowered)
    stranger = Shop(spoilt.items, spoilt.before, spoilt.now, Weighted((0.2, 0.1, 6.0)))
    found = diagnose(stranger.material(stranger.finding(slice_of(category="coffee"))))
    assert found.cause is None
    assert any("it is not the model that serves" in line.statement for line in found.evidence)


# ── what is logged ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def healthy() -> Shop:
    right = catalogue()
    return Shop(right, serve(right, Weighted(), 1_800, 0), serve(right, Weighted(), 1_200, 10_000))


@pytest.fixture(scope="module")
def sold(healthy: Shop) -> pd.DataFrame:
    rows = pd.concat([healthy.before, healthy.now])
    return rows.loc[rows["shown"], ["basket_id", "sku", AT, *DIMENSIONS]].reset_index(drop=True)


def since(rows: pd.DataFrame) -> pd.Series:
    return rows[AT] >= pd.Timestamp(ONSET)


def written(healthy: Shop, rows: pd.DataFrame, right: pd.DataFrame, where: Slice, *pairs: Pair) -> Material:
    """The table as it was written, against what was expected of so many requests."""
    names = list(DIMENSIONS)
    now = rows[since(rows)].groupby(names).size().rename("observed")
    then = right[~since(right)].groupby(names).size().rename("expected") * (1_200 / 1_800)
    cells = pd.concat([now, then], axis=1).fillna(0.0).reset_index()
    held = cells
    for name, value in where:
        held = held[held[name] == value]
    finding = healthy.finding(
        where, table="sales", observed=held["observed"].sum(), expected=held["expected"].sum()
    )
    return healthy.material(
        finding, cells=cells, pairs=pairs, rows=Rows(SOLD, rows), candidates=None, candidates_before=None
    )


def in_app_north(rows: pd.DataFrame) -> pd.Series:
    return since(rows) & (rows["device"] == "app") & (rows["region"] == "north")


def test_requests_that_the_app_no_longer_logs_are_logging(healthy: Shop, sold: pd.DataFrame) -> None:
    rows = sold[~in_app_north(sold)]
    ranked = pd.concat([healthy.before, healthy.now]).drop_duplicates("basket_id")
    ranked = ranked[["basket_id", AT, "device", "region"]]
    pair = Pair("candidates", "upstream", ("basket_id",), rows, ranked)
    found = diagnose(written(healthy, rows, sold, APP_NORTH, pair))
    assert told(found) == ("logging", "sales", APP_NORTH)
    assert found.cause is not None
    assert "they were served, and not logged" in found.cause


def test_a_feed_that_loses_half_of_a_slice_is_a_feed(healthy: Shop, sold: pd.DataFrame) -> None:
    chance = np.random.default_rng(8)
    rows = sold[~(in_app_north(sold) & (chance.random(len(sold)) < 0.55))]
    pair = Pair("sales_standby", "standby", SOLD, rows, sold)
    found = diagnose(written(healthy, rows, sold, APP_NORTH, pair))
    assert told(found) == ("feed", "sales", APP_NORTH)
    assert found.cause is not None
    assert "its standby `sales_standby` is complete" in found.cause


@pytest.mark.parametrize("where", [(), APP_NORTH])
def test_sales_written_an_hour_early_are_a_shift_of_time_and_no_loss(
    healthy: Shop, sold: pd.DataFrame, where: Slice
) -> None:
    hit = in_app_north(sold) if where else since(sold)
    rows = sold.assign(**{AT: sold[AT].mask(hit, sold[AT] - pd.Timedelta(hours=1))})
    pair = Pair("sales_standby", "standby", SOLD, rows, sold)
    found = diagnose(written(healthy, rows, sold, where, pair))
    assert told(found) == ("time_shift", "sales", where)
    assert found.title is not None
    assert "1 h early" in found.title
    assert not [one for one in found.candidates if one.kind == "feed"]


def test_a_clock_that_is_off_is_told_from_sales_that_come_late(healthy: Shop, sold: pd.DataFrame) -> None:
    """A basket is shown, and bought a while later: nobody's clock is exact about another's."""
    chance = np.random.default_rng(6)
    later = sold.assign(**{AT: sold[AT] + pd.to_timedelta(chance.exponential(12, len(sold)), "min")})
    pair = Pair("shown", "upstream", SOLD, later, sold)
    assert told(diagnose(written(healthy, later, later, APP_NORTH, pair)))[0] == "unknown"
    early = later.assign(**{AT: later[AT].mask(in_app_north(sold), later[AT] - pd.Timedelta(hours=2))})
    found = diagnose(written(healthy, early, later, APP_NORTH, replace(pair, mine=early)))
    assert told(found) == ("time_shift", "sales", APP_NORTH)


def test_rows_that_come_twice_in_one_region_are_duplicates(healthy: Shop, sold: pd.DataFrame) -> None:
    rows = pd.concat([sold, sold[since(sold) & (sold["region"] == "south")]], ignore_index=True)
    pair = Pair("sales_standby", "standby", SOLD, rows, sold)
    found = diagnose(written(healthy, rows, sold, slice_of(region="south"), pair))
    assert told(found) == ("duplicate", "sales", slice_of(region="south"))


def test_a_finding_of_repeated_rows_is_the_cause_though_nothing_says_since_when(
    healthy: Shop, sold: pd.DataFrame
) -> None:
    rows = pd.concat([sold, sold[since(sold) & (sold["region"] == "south")]], ignore_index=True)
    material = written(healthy, rows, sold, slice_of(region="south"))
    finding = material.finding.model_copy(update={"subject": "basket_id + sku", "window_start": ONSET})
    found = diagnose(replace(material, finding=finding, cells=None, series=None, fault="duplicate"))
    assert told(found) == ("duplicate", "sales", slice_of(region="south"))
    assert found.since == ONSET


@pytest.mark.parametrize("category", ["tea", "coffee"])
def test_two_categories_that_a_delivery_exchanged_are_counted_where_they_belong(category: str) -> None:
    before = catalogue()
    liked = before["category"] == "tea"
    before["popularity"] += 0.8 * liked
    items = before.assign(category=before["category"].replace({"tea": "coffee", "coffee": "tea"}))
    spoilt = shop(items, earlier=before)
    finding = spoilt.finding(slice_of(category=category))
    found = diagnose(spoilt.material(finding, snapshots=delivery(items, before)))
    assert told(found) == ("feature", "category", slice_of(category=category))


def test_a_brand_that_goes_by_another_name_is_a_renaming() -> None:
    items = catalogue()
    items["brand"] = items["brand"].replace("Alba", "ALBA GmbH")
    spoilt = shop(items)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(brand="Alba")), snapshots=delivery(items)))
    assert told(found) == ("renaming", "brand", slice_of(brand="Alba"))


# ── nothing is wrong ──────────────────────────────────────────────────────────────────────────────────────


def half_of_the_north(healthy: Shop, sold: pd.DataFrame) -> tuple[pd.DataFrame, Pair]:
    """A holiday there: half of the requests do not happen, in any table."""
    gone = since(sold) & (sold["region"] == "north") & (sold["basket_id"] % 2 == 0)
    rows = sold[~gone]
    return rows, Pair("candidates", "upstream", ("basket_id",), rows, rows.drop_duplicates("basket_id"))


def test_a_holiday_is_no_fault(healthy: Shop, sold: pd.DataFrame) -> None:
    rows, pair = half_of_the_north(healthy, sold)
    material = written(healthy, rows, sold, slice_of(region="north"), pair)
    found = diagnose(material)
    assert (found.cause, found.cause_kind) == (None, "unknown")
    assert found.slices == (slice_of(region="north"),)


def test_an_announced_event_is_a_candidate_of_the_world(healthy: Shop, sold: pd.DataFrame) -> None:
    rows, pair = half_of_the_north(healthy, sold)
    material = written(healthy, rows, sold, slice_of(region="north"), pair)
    holiday = Planned.model_validate(
        {"name": "May Day", "from": ONSET, "to": NOW, "slices": [{"region": "north"}]}
    )
    found = diagnose(Material(**{**vars(material), "planned": (holiday,)}))
    assert found.cause_kind in ("world", "unknown")
    assert found.candidates[0].kind == "world"
    assert answer(found.candidates[0], "where") is True


def test_a_release_that_has_the_rows_of_a_surge_is_the_world(healthy: Shop, sold: pd.DataFrame) -> None:
    tea = sold[since(sold) & (sold["category"] == "tea")].head(900)
    rows = pd.concat([sold, tea.assign(sku="sku-new", basket_id=tea["basket_id"] + 1_000_000)])
    material = written(healthy, rows, sold, slice_of(category="tea"))
    out = Release("sku-new", ONSET - timedelta(minutes=5), 900.0)
    found = diagnose(Material(**{**vars(material), "releases": (out,)}))
    assert told(found) == ("world", "sku-new", slice_of(category="tea"))


def test_where_nothing_changed_nothing_is_named() -> None:
    calm = shop()
    found = diagnose(calm.material(calm.finding(slice_of(category="tea"))))
    assert (found.cause, found.cause_kind) == (None, "unknown")


# ── how candidates compete ────────────────────────────────────────────────────────────────────────────────


def test_two_faults_of_equal_weight_are_both_told_and_neither_is_named(
    healthy: Shop, sold: pd.DataFrame
) -> None:
    """Half of what the slice lacks was lost by the feed, the other half is written an hour early."""
    hit = in_app_north(sold)
    late = hit & (sold["basket_id"] % 2 == 0)
    rows = sold[~(hit & ~late)].copy()
    rows.loc[late[rows.index], AT] -= pd.Timedelta(hours=1)
    pair = Pair("sales_standby", "standby", SOLD, rows, sold)
    found = diagnose(written(healthy, rows, sold, APP_NORTH, pair))
    assert {one.kind for one in found.candidates} == {"feed", "time_shift"}
    assert found.cause is None or {"feed", "time_shift"} >= {found.cause_kind}


def test_a_cause_that_came_after_the_onset_is_none() -> None:
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 10
    spoilt = shop(items)
    taken = delivery(items)
    late = type(taken)(taken.before, taken.after, NOW - timedelta(minutes=5), taken.previous_at)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(brand="Alba")), snapshots=late))
    assert [one for one in found.candidates if answer(one, "when") is False]
    assert found.cause_kind == "unknown"


def test_a_delivery_is_the_cause_where_few_rows_say_only_about_when_the_symptom_began() -> None:
    """Seven rows an hour, and by chance none in the twenty minutes before."""
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 10
    spoilt = shop(items)
    finding = spoilt.finding(slice_of(brand="Alba"))
    starts = pd.date_range(NOW - timedelta(hours=6), NOW, freq="2min", inclusive="left")
    some = (np.arange(len(starts)) % 4 == 0) & (starts < pd.Timestamp(ONSET - timedelta(minutes=20)))
    sparse = pd.DataFrame({"window_start": starts, "observed": some.astype(float), "expected": 0.25})
    taken = delivery(items)
    onset = find_onset(sparse, finding.change)
    assert onset is not None
    assert onset.since + (finding.window_end - finding.window_start) < taken.delivered_at
    found = diagnose(spoilt.material(finding, snapshots=taken, series=sparse))
    assert told(found) == ("feature", "rating", slice_of(brand="Boreal"))


def test_where_no_cause_is_named_it_is_said_what_would_tell() -> None:
    spoilt = shop(model=Weighted((1.0, 2.0, 3.0)), candidates=older)
    finding = spoilt.finding(slice_of(category="tea"))
    found = diagnose(Material(**{**vars(spoilt.material(finding)), "model": None}))
    assert found.cause is None
    assert [one.kind for one in found.candidates] == ["model"]
    assert found.discriminating_test == "the model of before on the requests of now, and the other way"


def test_a_kind_that_fails_says_so_and_takes_no_other_with_it(healthy: Shop, sold: pd.DataFrame) -> None:
    rows = pd.concat([sold, sold[since(sold) & (sold["region"] == "south")]], ignore_index=True)
    broken = Pair("sales_standby", "standby", ("no_such_column",), rows, sold)
    found = diagnose(written(healthy, rows, sold, slice_of(region="south"), broken))
    assert found.cause_kind == "duplicate"
    assert any("“feed” could not be told" in line.statement for line in found.evidence)


def test_every_kind_of_cause_but_the_unknown_has_its_file() -> None:
    from typing import get_args

    from domain.values import CauseKind

    assert {kind.name for kind in KINDS} == set(get_args(CauseKind)) - {"unknown"}
    assert all(kind.test for kind in KINDS)


def test_a_finding_says_nothing_of_a_table_that_its_own_is_the_source_of() -> None:
    made = Lineage(made_from={"candidates": frozenset({"shown"})})
    spoilt = shop(fed=unset_taste)
    finding: Finding = spoilt.finding(slice_of(category="tea"))
    found = diagnose(spoilt.material(finding, lineage=made))
    assert all(answer(one, "which_way") is False for one in found.candidates if one.object == "taste")
