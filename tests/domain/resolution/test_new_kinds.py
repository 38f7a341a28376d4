"""Kinds of hotfix that call the recommender's receiver, priced on traffic whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.recommender.deployer import Deployer
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.model import Items
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.resolution.circumstances import Circumstances, Replaced
from domain.resolution.declared import against_offering
from domain.resolution.loss import Loss
from domain.resolution.menu import Menu, build_menu
from domain.resolution.replays.popularity import by_popularity
from domain.resolution.resample import normal
from domain.resolution.stage import Stage, set_stage
from domain.values import Diagnosis, Option
from tests.domain.resolution.choices import with_choices
from workers.declaration.hotfix_kinds import find, ours


def declare(kind: str, **options: Any) -> DeclaredHotfix:
    return DeclaredHotfix(
        name="fix", kind=kind, label="Fix", causes=("model",), options=options, deployer="hooks"
    )


def offered(hotfix: DeclaredHotfix, around: Circumstances) -> Option:
    first, *_ = build_menu([hotfix], around, "i", find).options
    assert first.deployable
    return first


def left_out(hotfix: DeclaredHotfix, around: Circumstances) -> str:
    menu: Menu = build_menu([hotfix], around, "i", find)
    assert not any(option.deployable for option in menu.options)
    return menu.left_out[0].why


@pytest.fixture(scope="module")
def stage(world: SimpleNamespace) -> Stage:
    rows = world.candidates.assign(
        device=np.where(world.candidates["request_id"] % 2 == 0, "tv", "web"),
        popularity=world.candidates["item_id"].str.removeprefix("film-").astype(float),
    )
    return set_stage(
        with_choices(rows, 1),
        with_choices(world.candidates_before, 2),
        replace(world.columns, shown="shown"),
        world.model,
        world.concerned,
        feature=None,
        former={},
        finding=world.finding,
    )


@pytest.fixture(scope="module")
def around(world: SimpleNamespace, stage: Stage) -> Circumstances:
    """The films of France are shown half as much; the model is at fault."""
    diagnosis = Diagnosis(
        cause="x", cause_kind="model", items=world.concerned, slices=((("country", "France"),),)
    )
    finding = world.finding.model_copy(update={"observed": 50.0})
    return Circumstances(finding=finding, diagnosis=diagnosis, stage=stage, noun="films")


def on_tv(around: Circumstances) -> Circumstances:
    diagnosis = around.diagnosis.model_copy(update={"slices": ((("device", "tv"),),)})
    return replace(around, diagnosis=diagnosis)


def test_an_offset_raises_what_lies_in_the_slice_more_the_more_is_added(around: Circumstances) -> None:
    small, large = (offered(declare("score_offset", amount=amount), around) for amount in (0.3, 1.5))
    assert small.parameters == {
        "kind": "score_offset", "hook": "fix", "slice": {"country": "France"}, "amount": 0.3,
    }  # fmt: skip
    assert small.repairs.value is not None and large.repairs.value is not None
    assert 0 < small.repairs.value < large.repairs.value
    lowered = offered(declare("score_offset", amount=-0.3), around)
    assert lowered.repairs.value is not None and lowered.repairs.value < 0
    same = offered(declare("boost_items", amount=0.3), around)  # those items are that slice
    assert small.repairs.value == pytest.approx(same.repairs.value)


def test_an_offset_may_be_of_a_declared_value_of_a_feature(around: Circumstances) -> None:
    option = offered(declare("score_offset", amount=0.5, of={"genre": "drama"}, hook="nudge"), around)
    assert option.hotfix == "nudge"
    assert option.parameters["slice"] == {"genre": "drama"}


def test_an_offset_of_whole_requests_changes_no_order_and_is_not_offered(around: Circumstances) -> None:
    said = left_out(declare("score_offset", amount=0.5), on_tv(around))
    assert said == "its slice holds whole requests, in which an amount added to all changes no order"
    nowhere = replace(
        around,
        diagnosis=around.diagnosis.model_copy(update={"slices": ()}),
        finding=around.finding.model_copy(update={"slice": ()}),
    )
    assert "no slice is concerned" in left_out(declare("score_offset", amount=0.5), nowhere)
    said = left_out(declare("score_offset", amount=0.5, of={"genre": "opera"}), around)
    assert said == "nothing that is logged lies in its slice"


def test_what_is_not_logged_is_not_priced(around: Circumstances) -> None:
    option = offered(declare("score_offset", amount=0.5, of={"planet": "Mars"}), around)
    assert option.repairs.basis == "not from the log: a dimension of the slice is not logged"
    fallback = offered(declare("popularity_fallback", column="fame"), on_tv(around))
    assert fallback.repairs.basis == "not from the log: `fame` is not logged"
    bare = replace(around, stage=None, no_stage="12 logged requests; 30 are needed for a replay")
    for kind, options in (
        ("score_offset", {"amount": 1.0}),
        ("block_items", {"most": 1_000}),
        ("popularity_fallback", {"column": "popularity"}),
    ):
        unpriced = offered(declare(kind, **options), bare)
        assert (unpriced.repairs.value, unpriced.repairs.basis) == (None, bare.no_stage)


def shown_twice_as_usual(stage: Stage) -> Stage:
    """The same, as if its items had been shown half as often before."""
    sums = stage.traffic.per_request(stage.concerned * stage.traffic.exposure(stage.now))
    now = stage.weights @ sums / stage.weights.sum(axis=1)
    usual = now / 2 * (1 + 0.05 * normal(seed=1))
    return replace(stage, loss=Loss(1 - now / usual, "what they were shown before", usual))


def test_blocked_items_are_shown_to_nobody(around: Circumstances, world: SimpleNamespace) -> None:
    surge = replace(
        around,
        finding=around.finding.model_copy(update={"observed": 200.0}),
        stage=shown_twice_as_usual(around.stage) if around.stage else None,
    )
    option = offered(declare("block_items", most=1_000), surge)
    assert option.parameters["items"] == list(world.concerned)
    # shown twice as much as they should be: without them twice the gap is closed
    assert option.repairs.value == pytest.approx(200.0, abs=1.0)
    assert f"; {len(world.concerned)} films gone;" in option.repairs.basis


def test_no_more_items_are_blocked_than_is_declared(around: Circumstances, world: SimpleNamespace) -> None:
    said = left_out(declare("block_items", most=5), around)
    assert said == f"it takes out 5 films at most, and {len(world.concerned)} are concerned"


def test_the_fallback_shows_the_most_popular_of_each_request_of_the_slice_and_nothing_else(
    stage: Stage,
) -> None:
    rows, top = stage.traffic.rows, stage.traffic.columns.top
    tv = (rows["device"] == "tv").to_numpy()
    shown = stage.traffic.exposure(by_popularity(stage, tv, "popularity"))
    rank = rows.groupby("request_id")["popularity"].rank(ascending=False, method="first").to_numpy()
    assert shown[tv] == pytest.approx((rank[tv] <= top).astype(float), abs=0.02)
    assert shown[~tv] == pytest.approx(stage.traffic.exposure(stage.now)[~tv])


def test_the_fallback_is_priced_in_the_slice_and_only_offered_for_whole_requests(
    around: Circumstances,
) -> None:
    option = offered(declare("popularity_fallback", column="popularity"), on_tv(around))
    assert option.parameters == {
        "kind": "popularity_fallback", "hook": "fix", "slice": {"device": "tv"}, "column": "popularity",
    }  # fmt: skip
    assert option.repairs.value is not None and option.costs.value is not None
    assert 0 < option.blast_share < 0.6  # half of the requests
    said = left_out(declare("popularity_fallback", column="popularity"), around)
    assert said == "its slice is one of items, and a request is ranked as a whole"


def test_items_of_which_no_popularity_is_known_come_last(stage: Stage) -> None:
    rows = stage.traffic.rows.assign(popularity=np.nan)
    rows.loc[rows.groupby("request_id").head(1).index, "popularity"] = 1.0
    known = replace(stage, traffic=replace(stage.traffic, rows=rows))
    everywhere = np.ones(len(rows), dtype=bool)
    shown = known.traffic.exposure(by_popularity(known, everywhere, "popularity"))
    assert shown[rows["popularity"].notna().to_numpy()] == pytest.approx(1.0, abs=0.02)


@given(share=st.floats(0.01, 1.0))
def test_a_split_does_its_share_of_what_a_rollback_does(
    around: Circumstances, stage: Stage, share: float
) -> None:
    model = Replaced(at=around.onset, now="v8", was="v7")
    turned = replace(around, replaced={"model": model}, former_scores=stage.now + 1.0 * stage.concerned)
    whole = offered(declare("model_rollback"), turned)
    part = offered(declare("traffic_split", share=share), turned)
    assert part.label == f"Fix: v7 for {100 * share:.0f} %"
    assert part.parameters["share"] == share
    for mine, its in ((part.repairs, whole.repairs), (part.costs, whole.costs)):
        assert mine.value is not None and its.value is not None
        assert mine.value == pytest.approx(share * its.value)
        assert mine.low is not None and mine.high is not None and its.low is not None and its.high is not None
        assert (mine.low, mine.high) == pytest.approx((share * its.low, share * its.high))
    assert part.blast_share == pytest.approx(share * whole.blast_share)


@pytest.mark.parametrize(
    ("kind", "then", "now", "words"),
    [
        ("score_offset", {"amount": 0.5}, {"amount": 0.7}, "its amount is 0.7, not 0.5"),
        (
            "score_offset", {"amount": 0.5}, {"amount": 0.5, "of": {"genre": "drama"}},
            "it is of {'genre': 'drama'}, not {'country': 'France'}",
        ),
        ("block_items", {"most": 1_000}, {"most": 5}, "it takes out 5 items at most, not"),
        ("traffic_split", {"share": 0.5}, {"share": 0.9}, "its share is 0.9, not 0.5"),
    ],
)  # fmt: skip
def test_what_is_declared_otherwise_than_it_was_offered_is_not_deployed(
    around: Circumstances, kind: str, then: dict[str, Any], now: dict[str, Any], words: str
) -> None:
    around = replace(around, replaced={"model": Replaced(at=around.onset, now="v8", was="v7")})
    option = offered(declare(kind, **then), around)
    assert against_offering(option, [declare(kind, **then)], find) is None
    assert words in str(against_offering(option, [declare(kind, **now)], find))


def test_the_fallback_s_column_is_held_against_the_offer_and_by_the_doctor(around: Circumstances) -> None:
    hotfix = declare("popularity_fallback", column="popularty")
    option = offered(hotfix, on_tv(around))
    other = declare("popularity_fallback", column="popularity")
    assert "it ranks by popularity, not popularty" in str(against_offering(option, [other], find))
    recommender = Recommender(
        name="small",
        tables={"items": Table(name="items", path="items.parquet")},
        items=Items(table="items", key="item_id", features=("popularity",)),
        deployers={"hooks": Deployer(name="hooks", kind="webhook")},
    )
    kind = find("popularity_fallback")
    (advice,) = kind.examine(hotfix, kind.read(hotfix), recommender)
    assert (advice.where, advice.fix) == ("hotfixes.fix.column", 'did you mean "popularity"?')
    assert not list(kind.examine(other, kind.read(other), recommender))


def learned_from(around: Circumstances, **more: Any) -> Circumstances:
    """The model learned from a faulty segment."""
    found = {"cause_kind": "training_data", "object": "lessons", "place": (("device", "tv"),), **more}
    return replace(around, diagnosis=around.diagnosis.model_copy(update=found))


def test_the_segment_that_was_learned_from_is_left_out_and_nobody_knows_how_that_model_will_rank(
    around: Circumstances,
) -> None:
    hotfix = declare("retrain_without", hook="train").model_copy(update={"causes": ("training_data",)})
    option = offered(hotfix, learned_from(around))
    assert (option.label, option.hotfix) == ("Fix: device = tv", "train")
    assert option.parameters == {
        "kind": "retrain_without", "hook": "train", "table": "lessons", "slice": {"device": "tv"},
    }  # fmt: skip
    assert (option.repairs.value, option.costs.value, option.blast_share) == (None, None, 1.0)
    missing = learned_from(around, lacking=True)
    assert left_out(hotfix, missing) == "rows of device = tv are missing from the training data already"
    everywhere = learned_from(around, place=())
    assert left_out(hotfix, everywhere).startswith("no single segment of the training data is faulty")
    assert "what the model learned from" in left_out(declare("retrain_without"), around)


def test_every_kind_offers_something_where_all_is_known_or_says_why_not(
    around: Circumstances,
) -> None:
    for kind in ours().values():
        hotfix = DeclaredHotfix(
            name="fix",
            kind=kind.name,
            label="Fix",
            causes=("model",),
            options=dict(kind.example),
            deployer="d",
        )
        menu = build_menu([hotfix], around, "i", find)
        assert len(menu.options) + len(menu.left_out) == 2, kind.name  # doing nothing is always there
        assert not any("could not be priced" in one.why for one in menu.left_out), kind.name


def test_a_null_is_a_value_of_a_slice_like_others(around: Circumstances, stage: Stage) -> None:
    rows = stage.traffic.rows.assign(language=pd.Series(pd.NA, index=stage.traffic.rows.index))
    unset = replace(around, stage=replace(stage, traffic=replace(stage.traffic, rows=rows)))
    said = left_out(declare("score_offset", amount=0.5, of={"language": "∅ (not set)"}), unset)
    assert "whole requests" in said
