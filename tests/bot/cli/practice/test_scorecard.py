"""How well the practice works, and how often what menus promised held, at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.bot.terminal import Terminal
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


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str
) -> Terminal:
    return Terminal(monkeypatch, capsys, {"DATABASE_URL": database_url})


def test_the_scorecard_says_how_many_promises_held_by_kind_with_an_interval(
    terminal: Terminal, tmp_path: Path, log: Engine, past: Callable[..., str]
) -> None:
    file = tmp_path / "recsysops.toml"
    file.write_text(TOML)
    assert "No promise of a hotfix was measured yet." in terminal("scorecard", "--file", file).out
    past("Drama", 0.5, kind="fill_feature")
    past("Comedy", 0.9, kind="fill_feature")
    past("Western", 0.95, kind="fill_feature")
    past("Horror", 1.3, kind="boost_items")
    boost, fill = terminal("scorecard", "--file", file, "--json").json["promises"]
    assert (fill["kind"], fill["promises"], fill["held"], fill["short"]) == ("fill_feature", 3, 2, 1)
    assert (boost["kind"], boost["promises"], boost["held"], boost["short"]) == ("boost_items", 1, 0, 0)
    assert fill["share"]["low"] < 2 / 3 < fill["share"]["high"]
    assert boost["share"]["low"] <= 0.0 < boost["share"]["high"]
    told = terminal("scorecard", "--file", file).out
    assert "67 % [25–92]" in told
    assert "4 incidents, 0 of them predicted" in told
    assert "without the second person that it takes: 0." in " ".join(told.split())


def test_it_can_be_asked_of_the_last_days_alone_so_that_one_sees_whether_promises_become_better(
    terminal: Terminal, tmp_path: Path, log: Engine, past: Callable[..., str]
) -> None:
    file = tmp_path / "recsysops.toml"
    file.write_text(TOML)
    now = int((clock.now() - NOON) / timedelta(minutes=1))
    past("Drama", 0.2, minutes=now - 40 * 24 * 60, kind="fill_feature")
    past("Comedy", 0.9, minutes=now - 2 * 24 * 60, kind="fill_feature")
    (every,) = terminal("scorecard", "--file", file, "--json").json["promises"]
    (lately,) = terminal("scorecard", "--file", file, "--days", "30", "--json").json["promises"]
    assert [(one["held"], one["promises"]) for one in (every, lately)] == [(1, 2), (1, 1)]
