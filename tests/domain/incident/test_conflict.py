"""Two hotfixes that would act on the same thing are told apart from two that do not interfere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.incident.conflict import shared_target
from domain.values import Option
from tests.workers.conftest import make_option


def fill(*items: str, feature: str = "language") -> Option:
    return made(kind="fill_feature", items=items, feature=feature, value="en")


def boost(*items: str) -> Option:
    return made(kind="boost_items", items=items, amount=1.0)


def hook(name: str, **parameters: Any) -> Option:
    return made(hotfix=name, kind="webhook", hook=name, **parameters)


def made(*, hotfix: str = "one", deployer: str = "hooks", **parameters: Any) -> Option:
    return make_option(hotfix=hotfix, deployer=deployer, parameters=parameters)


@pytest.mark.parametrize(
    ("option", "other", "words"),
    [
        (fill("1", "2"), fill("2", "3"), "both set `language` of the same item"),
        (fill("1", "2", "3"), fill("2", "3"), "both set `language` of 2 of the same items"),
        (boost("7", "8"), made(hotfix="hide", kind="block_items", items=["8"]), "both act on the same item"),
        (hook("roll_back"), hook("roll_back"), "both call roll_back of hooks"),
        (
            hook("roll_back", slice={"tv": "a"}),
            hook("roll_back", slice={"tv": "b"}),
            "both call roll_back of hooks",
        ),
        (
            made(hotfix="back", kind="model_rollback", version="3"),
            made(hotfix="split", kind="traffic_split", version="4", share=0.5),
            "both change the version that serves",
        ),
    ],
)
def test_what_both_would_change_is_named(option: Option, other: Option, words: str) -> None:
    assert shared_target(option, other) == words
    assert shared_target(other, option) == words


@pytest.mark.parametrize(
    ("option", "other"),
    [
        (fill("1"), fill("2")),
        (fill("1"), fill("1", feature="genre")),
        (fill("1"), boost("1")),
        (fill("1"), fill("1").model_copy(update={"deployer": "elsewhere"})),
        (fill("1"), hook("roll_back")),
        (hook("roll_back"), hook("standby")),
    ],
)
def test_what_leaves_the_other_alone_is_no_conflict(option: Option, other: Option) -> None:
    assert shared_target(option, other) is None
    assert shared_target(other, option) is None


def test_of_a_kind_that_keeps_to_its_slice_two_slices_that_share_no_rows_leave_each_other_alone() -> None:
    tv, web, here, everywhere = (
        hook("offset", **of).model_copy(update={"by_slice": True})
        for of in (
            {"slice": {"device": "tv"}},
            {"slice": {"device": "web"}},
            {"slice": {"country": "France"}},
            {},
        )
    )
    assert shared_target(tv, web) is None
    assert shared_target(tv, here) == "both call offset of hooks"
    assert shared_target(tv, everywhere) == "both call offset of hooks"


def test_what_only_its_receiver_knows_is_left_to_it() -> None:
    ours = hook("rerun", slice={"device": "tv"}).model_copy(update={"own": True})
    assert shared_target(ours, ours) is None
    assert shared_target(hook("rerun"), ours) is None


@given(*(st.frozensets(st.integers(0, 9).map(str), max_size=6) for _ in range(2)))
def test_two_that_fill_the_same_feature_meet_exactly_where_they_share_items(
    mine: frozenset[str], theirs: frozenset[str]
) -> None:
    one, other = (made(kind="fill_feature", items=sorted(items), feature="f") for items in (mine, theirs))
    if mine or theirs:
        assert (shared_target(one, other) is not None) == bool(mine & theirs)
