"""How well the practice works, and how often menus kept their promises, at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.bot.terminal import Terminal, holds
from tests.workers.conftest import NOON
from tests.workers.respond.resolve.test_track_record import past as past  # noqa: PLC0414 (a fixture)
from workers.environment import clock

TOML = """
[recommender]
name = "shop"
[tables.orders]
path = "orders.parquet"
time = "at"
"""


@pytest.fixture(autouse=True)
def declared(tmp_path: Path) -> None:
    (tmp_path / "recsysops.toml").write_text(TOML)


def minutes_ago(minutes: int) -> int:
    """That long ago, in minutes after the noon at which the past began."""
    return int((clock.now() - NOON) / timedelta(minutes=1)) - minutes


def test_the_scorecard_says_how_many_promises_held_by_kind_with_an_interval(
    terminal: Terminal, past: Callable[..., str]
) -> None:
    assert "No promise of a hotfix was measured yet." in terminal("scorecard").out
    for genre, repaired in (("Drama", 0.5), ("Comedy", 0.9), ("Western", 0.95)):
        past(genre, repaired, kind="fill_feature")
    past("Horror", 1.3, kind="boost_items")
    boost, fill = terminal("scorecard", "--json").json["promises"]
    assert (fill["kind"], fill["promises"], fill["held"], fill["short"]) == ("fill_feature", 3, 2, 1)
    assert (boost["kind"], boost["promises"], boost["held"], boost["short"]) == ("boost_items", 1, 0, 0)
    assert fill["share"]["low"] < 2 / 3 < fill["share"]["high"]
    assert boost["share"]["low"] <= 0.0 < boost["share"]["high"]
    printed = " ".join(terminal("scorecard").out.split())
    said = ("67 % [25–92]", "0 incidents in the last 28 d, 4 before", "second person that it takes: 0.")
    holds(printed, *said)


def test_what_held_lately_stands_beside_what_held_before_so_that_one_sees_whether_promises_become_better(
    terminal: Terminal, past: Callable[..., str]
) -> None:
    past("Drama", 0.2, minutes=minutes_ago(40 * 24 * 60), kind="fill_feature")
    past("Comedy", 0.9, minutes=minutes_ago(2 * 24 * 60), kind="fill_feature")
    found = terminal("scorecard", "--days", "30", "--json").json
    kept = next(one for one in found["proportions"] if one["name"] == "kept promises")
    assert [(kept[of]["held"], kept[of]["of"]) for of in ("lately", "before")] == [(1, 1), (0, 1)]
    assert (found["incidents"], found["earlier"]) == (1, 1)
    printed = " ".join(terminal("scorecard").out.split())
    holds(printed, "promises of hotfixes that held", "too few to tell")


def test_a_time_is_shown_by_an_earlier_definition_beside_that_of_now_each_with_what_it_is(
    terminal: Terminal, past: Callable[..., str]
) -> None:
    past("Drama", 0.9, minutes=minutes_ago(60), kind="fill_feature")
    times = terminal("scorecard", "--by", "detect=v1", "--json").json["times"]
    detect = [(one["version"], one["lately"]["count"]) for one in times if one["step"] == "detect"]
    assert detect == [(2, 1), (1, 0)]
    printed = " ".join(terminal("scorecard", "--by", "detect=v1").out.split())
    assert "Time to detect, v1: from the onset that the diagnosis dates" in printed
    assert "There is no time called “detekt”" in terminal("scorecard", "--by", "detekt=v1", code=1).err
