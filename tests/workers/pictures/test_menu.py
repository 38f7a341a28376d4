"""The picture of a menu: which options are in it, and that nothing in it hides anything else."""

from __future__ import annotations

from math import hypot
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from domain.incident.obligations import Obligation
from domain.incident.state import Spent
from domain.resolution.menu import Menu
from domain.values import Estimate, Option
from tests.domain.incident.given import DIAGNOSED, MORNING, OPEN, after
from tests.domain.incident.test_ranking import NOTHING, SPARE, number, option
from tests.workers.pictures.test_metric import size
from workers.log.obligations import Work
from workers.pictures.menu import apart, comparable, draw_menu
from workers.respond.resolve.resolve import with_picture
from workers.store import attachments

BACK = option("Roll back", (97.0, 94.0, 99.0), (-3.0, -4.0, -2.0))
BLIND = option("Former mixer", None, None)


def test_two_priced_options_are_drawn_with_all_others_named_below() -> None:
    two, four = draw_menu((SPARE, BACK)), draw_menu((SPARE, BACK, BLIND, NOTHING))
    assert two is not None and four is not None
    assert size(two)[0] == size(four)[0] == 1_400
    assert size(two)[1] < size(four)[1]


@pytest.mark.parametrize(
    "other",
    [
        BLIND,
        NOTHING,
        option("No loss known", (90.0, 88.0, 92.0), None),
        option("No interval", 90.0),
        option("Loss without an interval", (90.0, 88.0, 92.0), -2.0),
        option("Counted in songs", (90.0, 88.0, 92.0), unit="% songs"),
        option("Not a number", (90.0, float("-inf"), 92.0)),
        SPARE.model_copy(update={"repairs": number((0.9, 0.8, 0.95), "share")}),
    ],
    ids=lambda one: str(one.label),
)
def test_one_priced_option_alone_is_not_drawn(other: Option) -> None:
    assert draw_menu((SPARE, other)) is None
    assert draw_menu((SPARE, other, BACK)) is not None


def test_an_option_keeps_the_number_that_it_has_on_the_menu() -> None:
    unit, points = comparable((BLIND, SPARE, option("In songs", (9.0, 8.0, 10.0), unit="% songs"), BACK))
    assert unit == "% baskets"
    assert [(point.number, point.option.label) for point in points] == [(2, SPARE.label), (4, BACK.label)]


def test_one_that_harms_and_which_is_first_change_the_picture() -> None:
    harm = BACK.model_copy(update={"whole": number((-3.0, -4.0, -2.0), "orders a day")})
    assert len({draw_menu(menu) for menu in ((SPARE, BACK), (SPARE, harm), (BACK, SPARE))}) == 3
    spared = BACK.model_copy(update={"whole": number((-3.0, -4.0, 0.0), "orders a day")})
    assert draw_menu((SPARE, spared)) == draw_menu((SPARE, BACK))


def test_the_same_menu_is_the_same_picture() -> None:
    assert draw_menu((SPARE, BACK, NOTHING)) == draw_menu((SPARE, BACK, NOTHING))


@pytest.mark.parametrize("label", ["$x_1$ and $", "長い名前" * 30, "W" * 400, ""])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_any_name_is_drawn(label: str) -> None:
    drawn = draw_menu((SPARE.model_copy(update={"label": label}), BACK))
    assert drawn is not None and size(drawn)[0] == 1_400


def work(log: Engine, *spent: Option) -> Work:
    """A menu is owed in an incident in which these options were found to be of no use."""
    found = [
        Spent(option=one.key, hotfix=one.hotfix, label=one.label, at=MORNING, because="harm") for one in spent
    ]
    incident = after(OPEN, DIAGNOSED)[0].model_copy(update={"spent": tuple(found)})
    return Work(log, incident, Obligation(kind="menu", event_id="incident-1:2", since=MORNING), MORNING)


def test_the_picture_is_kept_with_the_menu_and_twice_the_same_where_a_worker_died(log: Engine) -> None:
    menu = Menu((SPARE, BACK, NOTHING), "a note")
    once, again = (with_picture(work(log), menu) for _ in range(2))
    assert once == again
    assert (once.options, once.note) == (menu.options, "a note")
    assert once.picture is not None
    assert attachments.find(log, once.picture) == (draw_menu(menu.options), "image/png")


def test_a_menu_whose_picture_the_store_does_not_take_is_offered_without_it(
    log: Engine, full: psycopg.Connection
) -> None:
    menu = with_picture(work(log), Menu((SPARE, BACK, NOTHING), "a note"))
    assert (menu.options, menu.picture) == ((SPARE, BACK, NOTHING), None)
    assert menu.note == "a note; the picture could not be kept: DiskFull (SQLSTATE 53100)"


def test_what_was_found_useless_here_is_not_in_the_picture(log: Engine) -> None:
    assert with_picture(work(log, SPARE), Menu((SPARE, BACK, NOTHING))).picture is None
    three = Menu((SPARE, BACK, option("Weak", (20.0, 15.0, 25.0)), NOTHING))
    picture = with_picture(work(log, SPARE), three).picture
    assert picture is not None
    assert attachments.find(log, picture) == (draw_menu(three.options[1:]), "image/png")


edges = st.lists(st.floats(-300, 300), min_size=3, max_size=3).map(sorted)


def estimate(three: list[float], unit: str) -> Estimate:
    low, value, high = three
    return number((value, low, high), unit)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(edges, edges), min_size=2, max_size=8))
def test_whatever_the_numbers_are_they_are_drawn(menu: list[Any]) -> None:
    options = [
        SPARE.model_copy(update={"repairs": estimate(repairs, "%"), "costs": estimate(costs, "% baskets")})
        for repairs, costs in menu
    ]
    assert draw_menu(options) is not None


places = st.tuples(st.floats(0, 400), st.floats(0, 200))


@given(st.lists(places, max_size=9), st.lists(places, max_size=20))
def test_no_number_hides_another_one_or_leaves_the_plot(
    anchors: list[tuple[float, float]], avoid: list[tuple[float, float]]
) -> None:
    found = apart(anchors, (22.0, 18.0), (0.0, 0.0, 400.0, 200.0), avoid)
    assert len(found) == len(anchors)
    assert all(0 <= x <= 400 and 0 <= y <= 200 for x, y in found)
    pairs = [(one, two) for place, one in enumerate(found) for two in found[:place]]
    assert all(hypot(a - x, b - y) >= 22.0 for (a, b), (x, y) in pairs)


def test_a_number_stands_where_it_hides_no_interval() -> None:
    wall = [(x, 100.0) for x in range(0, 401, 5)]
    ((_, y),) = apart([(200.0, 100.0)], (22.0, 18.0), (0.0, 0.0, 400.0, 200.0), wall)
    assert abs(y - 100.0) == pytest.approx(18.0, abs=0.1)
