"""Why the first option is first: menus of a bicycle shop, a radio and a grocer, none of them a cinema's."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.incident.ranking import rank, why_first
from domain.values import Estimate, Option

Numbers = tuple[float, float, float] | float | None


def number(said: Numbers, unit: str) -> Estimate:
    """(value, low, high), a value without an interval, or nothing known."""
    value, low, high = said if isinstance(said, tuple) else (said, None, None)
    return Estimate(value=value, low=low, high=high, unit=unit, basis="replay of 9,100 baskets")


def option(
    label: str, repairs: Numbers, costs: Numbers = (0.0, -0.2, 0.2), unit: str = "% baskets", **more: Any
) -> Option:
    given = {
        "key": label,
        "hotfix": label,
        "label": label,
        "does": label,
        "repairs": number(repairs, "%"),
        "costs": number(costs, unit),
        "deploy_seconds": 60.0,
        "undo": "1 click",
        "expires_after": timedelta(days=2),
        "blast_share": 0.1,
        "deployer": "hooks",
    }
    return Option(**{**given, **more})


def said(*options: Option) -> str:
    return why_first(sorted(options, key=rank))


NOTHING = option("Do nothing", 0.0, number(-900.0, "orders an hour").value, deployer="none")
SPARE = option("Spare parts first", (88.0, 84.0, 91.0))


def test_one_that_repairs_as_much_and_loses_more_is_described_by_what_it_loses() -> None:
    back = option("Roll back", (87.0, 83.0, 92.0), (-12.0, -14.0, -11.0))
    assert said(back, SPARE, NOTHING) == (
        "“Spare parts first” is first: it repairs 88 % [84–91] and loses nothing measurable elsewhere; "
        "“Roll back” repairs as much, 87 % [83–92], but loses 12 % [11–14] of baskets elsewhere."
    )


def test_one_that_repairs_less_is_described_by_what_it_repairs() -> None:
    weak = option("Weekday prior", (41.0, 33.0, 50.0))
    assert "“Weekday prior” repairs less, 41 % [33–50]." in said(weak, SPARE)


def test_one_that_repairs_more_at_a_price_is_described_by_both() -> None:
    dear = option("Reset the tuner", (99.0, 97.0, 100.0), (-40.0, -44.0, -36.0), "% minutes")
    assert said(dear, SPARE).endswith(
        "“Reset the tuner” repairs more, 99 % [97–100], but loses 40 % [36–44] of minutes elsewhere."
    )


def test_one_that_repairs_less_and_loses_more_is_described_by_both() -> None:
    bad = option("Static list", (31.0, 24.0, 40.0), (-6.0, -8.0, -4.0))
    assert said(bad, SPARE).endswith(
        "“Static list” repairs less, 31 % [24–40], and loses 6.0 % [4.0–8.0] of baskets elsewhere."
    )


def test_one_that_loses_less_but_repairs_less_is_described_by_both() -> None:
    first = option("Whole shelf", (90.0, 88.0, 92.0), (-5.0, -6.0, -4.0))
    mild = option("Half the shelf", (45.0, 42.0, 48.0))
    assert said(first, mild).endswith(
        "“Half the shelf” loses nothing measurable elsewhere, but repairs less, 45 % [42–48]."
    )


def test_one_that_gains_less_is_not_said_to_lose() -> None:
    first = option("New season", (80.0, 78.0, 82.0), (9.0, 8.0, 10.0))
    some = option("Old season", (80.0, 78.0, 82.0), (3.0, 2.0, 4.0))
    none = option("Old season", (80.0, 78.0, 82.0), (0.0, -1.0, 1.0))
    assert "80 % [78–82], but gains less: it gains 3.0 % [2.0–4.0] of baskets" in said(first, some)
    assert "80 % [78–82], but gains nothing measurable elsewhere." in said(first, none)


def test_what_repairs_far_more_than_was_lost_is_said_to_repair_too_much() -> None:
    loud = option("Loudest first", (171.0, 160.0, 182.0))
    assert said(loud, SPARE).endswith("“Loudest first” repairs too much, 171 % [160–182].")


def test_a_hair_beyond_all_is_alike_to_all() -> None:
    assert "cannot be told apart" in said(SPARE, option("A bit more", (108.0, 99.0, 117.0)))


def test_numbers_whose_intervals_overlap_cannot_be_told_apart() -> None:
    close = option("Evening list", (85.0, 80.0, 90.0))
    alike = said(close, SPARE)
    assert alike.startswith(
        "“Spare parts first” and “Evening list” cannot be told apart within their intervals; "
    )
    assert alike.endswith(
        "“Spare parts first” is first by the middle of its interval alone (repair less loss: 88 points "
        "against 85), and repairs 88 % [84–91]."
    )


def test_one_that_surely_repairs_less_and_surely_loses_less_is_told_apart_by_the_sum_alone() -> None:
    first = option("Whole shelf", (90.0, 86.0, 94.0), (-8.0, -9.0, -7.0))
    near, far = (option("Half the shelf", (at, at - 3.0, at + 3.0)) for at in (80.0, 60.0))
    assert "cannot be told apart" in said(first, near)
    assert "but repairs less, 60 % [57–63]" in said(first, far)


def test_one_that_surely_loses_less_and_may_repair_as_much_is_not_said_to_be_behind() -> None:
    first = option("Whole shelf", (90.0, 82.0, 98.0), (-3.0, -4.0, -2.0))
    assert "cannot be told apart" in said(first, option("Half the shelf", (85.0, 77.0, 93.0)))


def test_a_number_without_an_interval_cannot_be_told_apart_from_any() -> None:
    assert "cannot be told apart" in said(SPARE, option("By hand", 12.0))


def test_of_many_that_are_alike_three_are_named_and_the_others_counted() -> None:
    alike = [option(f"Shelf {letter}", (88.0, 84.0, 91.0)) for letter in "abcdef"]
    assert said(*alike).startswith(
        "“Shelf a”, “Shelf b”, “Shelf c”, “Shelf d” and 2 more cannot be told apart"
    )


@pytest.mark.parametrize(
    ("differs", "because"),
    [
        (
            {"needs_second_person": True, "deploy_seconds": 1.0},
            "because one person may deploy it, while “Zone list” needs a second one",
        ),
        ({"deploy_seconds": 600.0}, "because it is in force after 1 min, “Zone list” after 10 min"),
        ({}, "by its name alone"),
    ],
)
def test_of_two_alike_to_a_percent_the_order_says_what_it_went_by(
    differs: dict[str, Any], because: str
) -> None:
    assert because in said(SPARE, option("Zone list", (88.0, 84.0, 91.0), **differs))


def test_where_nothing_is_priced_it_says_so_and_what_the_order_goes_by() -> None:
    slow = option("Former playlist", None, None, deploy_seconds=1800.0)
    assert said(slow, option("Former mixer", None, None)) == (
        "Nothing is priced, so the order says nothing of what they repair: “Former mixer” is first because "
        "it is in force after 1 min, “Former playlist” after 30 min."
    )


def test_where_only_the_losses_are_known_the_order_goes_by_them() -> None:
    dear = option("Former playlist", None, (-9.0, -10.0, -8.0))
    assert "is first because it loses nothing measurable elsewhere, and “Former playlist” loses 9 %" in said(
        dear, option("Former mixer", None)
    )


def test_where_only_the_first_is_priced_the_others_are_said_not_to_be() -> None:
    assert said(option("Former mixer", None, None), SPARE).endswith(
        "loses nothing measurable elsewhere; the others are not priced."
    )


def test_a_loss_without_an_interval_is_shown_as_it_is_and_tells_nothing_apart() -> None:
    alike = said(SPARE, option("By hand", (70.0, 66.0, 74.0), -3.0))
    assert "repairs less, 70 % [66–74]." in alike
    blind = option("Blind", (92.0, 90.0, 94.0), None)
    assert said(blind, option("Weak", (20.0, 15.0, 25.0))).startswith(
        "“Blind” is first: it repairs 92 % [90–94] and loses an unknown amount elsewhere; “Weak” repairs less"
    )
    counted = option("By hand", (92.0, 90.0, 94.0), -3.0)
    assert "and loses 3 % of baskets elsewhere;" in said(counted, option("Weak", (20.0, 15.0, 25.0)))
    half = counted.model_copy(update={"costs": counted.costs.model_copy(update={"low": -4.0})})
    assert "and loses 3 % of baskets elsewhere;" in said(half, option("Weak", (20.0, 15.0, 25.0)))
    other = counted.model_copy(update={"costs": counted.costs.model_copy(update={"high": 1.0})})
    assert "and loses 3 % of baskets elsewhere;" in said(other, option("Weak", (20.0, 15.0, 25.0)))


@pytest.mark.parametrize("costs", [(-0.1, -0.2, 0.0), (0.1, 0.0, 0.2)])
def test_an_interval_that_ends_at_nothing_is_no_measurable_loss(costs: tuple[float, float, float]) -> None:
    even = option("Even", (92.0, 90.0, 94.0), costs)
    assert "and loses nothing measurable elsewhere;" in said(even, option("Weak", (20.0, 15.0, 25.0)))
    gains = option("Season", (80.0, 78.0, 82.0), (9.0, 8.0, 10.0))
    none = option("Even", (80.0, 78.0, 82.0), costs)
    assert said(gains, none).endswith("but gains nothing measurable elsewhere.")


@pytest.mark.parametrize("repairs", [(80.0, 76.0, 84.0), (112.0, 109.0, 116.0)])
def test_intervals_that_touch_do_not_tell_two_apart(repairs: tuple[float, float, float]) -> None:
    assert "cannot be told apart" in said(SPARE, option("Beside", repairs))


def test_one_whose_interval_begins_where_the_first_one_s_ends_may_repair_as_much() -> None:
    dear = option("Reset", (94.0, 91.0, 97.0), (-20.0, -22.0, -18.0))
    assert said(SPARE, dear).endswith(
        "“Reset” repairs as much, 94 % [91–97], but loses 20 % [18–22] of baskets elsewhere."
    )


def test_losses_whose_intervals_touch_do_not_tell_two_apart() -> None:
    assert "cannot be told apart" in said(SPARE, option("Beside", (88.0, 84.0, 91.0), (-1.0, -2.0, -0.2)))
    first = option("Season", (88.0, 84.0, 91.0), (1.0, 0.2, 2.0))
    assert "cannot be told apart" in said(first, SPARE)


def test_of_three_that_are_alike_to_the_first_all_are_named() -> None:
    assert "“Shelf c” and “Shelf d” cannot be" in said(
        *(option(f"Shelf {letter}", (88.0, 84.0, 91.0)) for letter in "abcd")
    )


@pytest.mark.parametrize("high", [0.0, 4.0])
def test_what_may_cost_everybody_nothing_is_not_said_to_harm(high: float) -> None:
    whole = number((-8.0, -16.0, high), "orders a day")
    assert "everybody" not in said(option("Cache", (20.0, 18.0, 22.0), whole=whole), SPARE)


def test_where_all_harm_the_second_is_described_by_what_it_repairs() -> None:
    harm = number((-31.0, -40.0, -22.0), "orders a day")
    weak, strong = (option(f"Cache {at}", (at, at - 2.0, at + 2.0), whole=harm) for at in (20.0, 90.0))
    assert said(weak, strong).endswith(
        "“Cache 20.0” repairs less, 20 % [18–22]; everybody together loses for certain by each that is "
        "priced."
    )


def test_what_is_not_known_to_lose_is_said_to_count_as_none() -> None:
    assert said(SPARE, option("Blind", (20.0, 15.0, 25.0), None)).endswith(
        "repairs less, 20 % [15–25]; a loss that is not known counts as none in this order."
    )


def test_one_by_which_everybody_loses_for_certain_stands_behind_one_that_repairs_less() -> None:
    harm = number((-31.0, -40.0, -22.0), "orders a day")
    better = option("Empty cache", (99.0, 98.0, 100.0), whole=harm)
    assert said(better, SPARE).endswith(
        "with “Empty cache” everybody together loses for certain (loses 31 [22–40] orders a day)."
    )
    assert "everybody together loses for certain by each that is priced" in said(
        better, option("Emptier cache", (20.0, 18.0, 22.0), whole=harm)
    )


def test_what_harms_for_certain_is_not_called_equal_to_what_does_not() -> None:
    twin = option("Empty cache", (88.0, 84.0, 91.0), whole=number((-31.0, -40.0, -22.0), "orders a day"))
    assert "cannot be told apart" not in said(twin, SPARE)


@pytest.mark.parametrize("menu", [(), (NOTHING,), (SPARE, NOTHING)])
def test_of_a_menu_of_one_there_is_nothing_to_say(menu: tuple[Option, ...]) -> None:
    assert why_first(menu) == ""


def test_a_menu_that_former_rules_ordered_otherwise_is_not_explained_by_those_of_now() -> None:
    assert why_first((option("Weak", (12.0, 10.0, 14.0)), SPARE)) == ""


def test_a_share_counts_as_its_percent() -> None:
    share = option("Fill in the size", None).model_copy(update={"repairs": number((0.4, 0.3, 0.5), "share")})
    assert "“Fill in the size” repairs less, 40 % [30–50]." in said(share, SPARE)


numbers = st.one_of(
    st.none(),
    st.tuples(*[st.floats(-60, 260)] * 3).map(lambda three: (sorted(three)[1], min(three), max(three))),
)
options = st.builds(
    option,
    st.sampled_from(["Ale", "Bread", "Cider", "Dates"]),
    numbers,
    numbers,
    deploy_seconds=st.sampled_from([5.0, 90.0]),
    needs_second_person=st.booleans(),
    whole=st.one_of(st.none(), numbers.map(lambda said: number(said, "orders a day"))),
)


@given(st.lists(options, min_size=2, max_size=6, unique_by=lambda one: one.label))
def test_every_menu_of_two_says_one_sentence_that_names_its_first(menu: list[Option]) -> None:
    ranked = sorted(menu, key=rank)
    sentence = why_first(ranked)
    assert f"“{ranked[0].label}” is first" in sentence
    assert sentence.endswith(".") and not re.search(r"\. |\bnot not\b|None|nan|inf", sentence)


@given(options, options)
def test_one_said_to_be_behind_is_worth_less(one: Option, other: Option) -> None:
    first, second = sorted((one, other.model_copy(update={"label": "Eggs", "hotfix": "Eggs"})), key=rank)
    if re.search(r"; “[^”]+” (repairs|loses|gains)", why_first((first, second))):
        ahead, behind = (
            min(given.repairs.value or 0.0, 200.0 - (given.repairs.value or 0.0)) + (given.costs.value or 0.0)
            for given in (first, second)
        )
        assert ahead > behind - 1.0  # within a percent the order goes by something else
