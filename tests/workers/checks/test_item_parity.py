"""A canteen's menu boards: how often each hall is shown each dish, relative to all halls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.values import Finding, slice_of
from tests.workers.checks.looked import findings_at
from tests.workers.test_served import in_postgres
from workers.checks.measure import measure
from workers.checks.run import FAULT, State, run_checks
from workers.declaration.declare import load
from workers.doctor import doctor

END = datetime(2026, 5, 7, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
WINDOWS, A_WINDOW, DISHES = 12, 5_000, 40
HALLS, BOARDS = ("garden", "lake", "tower"), ("kiosk", "wall")
DECLARED = """
[recommender]
name = "canteen"

[tables.boards]
path = "boards.parquet"
time = "shown_at"
window = "15m"
dimensions = ["hall", "board", "cuisine"]
item = "dish"

[checks.everywhere]
kind = "item_parity"
table = "boards"
history = "150m"
"""
Kept = Callable[[pd.DataFrame], pd.Series]


def boards(
    kept: Kept | None = None, worth: Callable[[pd.Series], pd.Series] | None = None, seed: int = 3
) -> pd.DataFrame:
    """
    A row a dish shown, for three hours.

    Args:
        kept: of rows with `late` (the last two windows), which were shown.
        worth: how often a dish is shown in the late rows, by dish, in the place of as ever.
    """
    chance, count = np.random.default_rng(seed), WINDOWS * A_WINDOW
    shares = chance.dirichlet(np.full(DISHES, 4.0))
    late = np.arange(count) >= (WINDOWS - 2) * A_WINDOW
    dish = chance.choice(DISHES, count, p=shares)
    if worth is not None:
        now = worth(pd.Series(shares)).to_numpy()
        dish[late] = chance.choice(DISHES, int(late.sum()), p=now / now.sum())
    back = WINDOWS * QUARTER.total_seconds() * (1 - (np.arange(count) + 0.5) / count)
    hall = np.where(
        chance.random(count) < 0.2 + 0.3 * (dish % 2), "garden", chance.choice(["lake", "tower"], count)
    )
    frame = pd.DataFrame(
        {"dish": [f"d{n:02}" for n in dish], "cuisine": [f"c{n}" for n in dish % 4], "hall": hall}
    )
    frame["board"] = chance.choice(BOARDS, count)
    frame["shown_at"] = (pd.Timestamp(END) - pd.to_timedelta(back, unit="s")).floor("us")
    frame["late"] = late
    return frame[kept(frame)] if kept else frame


DISH = str(boards()["dish"].value_counts().index[0])


def not_in(**where: str) -> Kept:
    def kept(frame: pd.DataFrame) -> pd.Series:
        hit = frame["late"].copy()
        for name, value in where.items():
            hit &= frame[name] == value
        return ~hit

    return kept


def found(folder: Path, frame: pd.DataFrame, place: str = 'path = "boards.parquet"') -> list[Finding]:
    """What is reported when the last window is looked at, after the two before it."""
    frame.drop(columns="late").to_parquet(folder / "boards.parquet")
    declared = DECLARED.replace('path = "boards.parquet"', place)
    (folder / "recsysops.toml").write_text(declared, encoding="utf-8")
    return findings_at(load(folder, {}), END, QUARTER)


@pytest.mark.parametrize("where", [{"hall": "lake"}, {"board": "kiosk"}])
def test_a_dish_that_one_slice_is_not_shown_is_reported_there(where: dict[str, str], tmp_path: Path) -> None:
    (finding,) = found(tmp_path, boards(not_in(dish=DISH, **where)))
    assert finding.slice == slice_of(dish=DISH, **where)
    assert finding.observed == 0
    assert "not shown there, though it is elsewhere" in finding.title


def test_a_dish_that_is_shown_seldom_there_is_reported_with_how_much(tmp_path: Path) -> None:
    chance = np.random.default_rng(7)

    def seldom(frame: pd.DataFrame) -> pd.Series:
        return not_in(dish=DISH, board="wall")(frame) | (chance.random(len(frame)) < 0.15)

    (finding,) = found(tmp_path, boards(seldom))
    assert finding.slice == slice_of(board="wall", dish=DISH)
    assert "less often there than usual, unlike elsewhere" in finding.title


def test_postgres_gives_the_same_answer(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    frame = boards(not_in(dish=DISH, hall="lake"))
    (here,) = found(tmp_path, frame)
    rows = frame.drop(columns="late")
    address = in_postgres(request.getfixturevalue("database_url"), {"boards": rows}, ("boards",))
    assert found(tmp_path, frame, f'url = "{address}"\ntable = "boards"') == [here]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(boards(not_in(dish=DISH)), id="a dish is off the menu everywhere"),
        pytest.param(boards(not_in(hall="tower")), id="a hall is closed"),
        pytest.param(boards(not_in(cuisine="c1")), id="a cuisine is off the menu everywhere"),
        pytest.param(boards(worth=lambda shares: shares[::-1]), id="other dishes are liked now"),
        pytest.param(boards(), id="as ever"),
        pytest.param(boards(seed=11), id="as ever, drawn again"),
    ],
)
def test_what_is_alike_in_all_slices_is_silent(frame: pd.DataFrame, tmp_path: Path) -> None:
    assert found(tmp_path, frame) == []


def test_what_was_never_shown_there_is_no_fault(tmp_path: Path) -> None:
    def no_fish_by_the_lake(frame: pd.DataFrame) -> pd.Series:
        return ~((frame["dish"] == DISH) & (frame["hall"] == "lake"))

    assert found(tmp_path, boards(no_fish_by_the_lake)) == []


def test_what_describes_the_item_is_no_slice_of_requests(tmp_path: Path) -> None:
    def renamed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(cuisine=frame["cuisine"].mask(frame["late"] & (frame["dish"] == DISH), "c9"))

    assert found(tmp_path, renamed(boards())) == []


def test_it_is_measured_again_once_it_is_fixed(tmp_path: Path) -> None:
    def until_lately(frame: pd.DataFrame) -> pd.Series:
        end = frame["shown_at"] >= pd.Timestamp(END - QUARTER)
        return not_in(dish=DISH, hall="lake")(frame) | end

    (finding,) = found(tmp_path, boards(not_in(dish=DISH, hall="lake")))
    boards(until_lately).drop(columns="late").to_parquet(tmp_path / "boards.parquet")
    recommender = load(tmp_path, {})
    assert not measure(recommender, finding, END - 2 * QUARTER, END - QUARTER).within
    assert measure(recommender, finding, END - QUARTER, END).within


@pytest.mark.parametrize(
    ("line", "without", "says"),
    [
        ('item = "dish"\n', "", 'item = "…" to [tables.boards]'),
        ("history", 'dimensions = ["hall"]\nhistory', '"dish" to its dimensions'),
    ],
)
def test_what_it_cannot_do_without_is_said(line: str, without: str, says: str, tmp_path: Path) -> None:
    found(tmp_path, boards())
    (tmp_path / "recsysops.toml").write_text(DECLARED.replace(line, without), encoding="utf-8")
    lines = doctor.check(tmp_path, environment={}, at=END)
    assert any(says in line.says for line in lines if line.where == "checks.everywhere")
    (fault,) = run_checks(load(tmp_path, {}), END, State()).findings
    assert fault.subject == FAULT
    assert says in fault.title


def test_one_way_alone_compares_nothing(tmp_path: Path) -> None:
    found(tmp_path, boards())
    (tmp_path / "recsysops.toml").write_text(DECLARED + "ways = 1\n", encoding="utf-8")
    result = run_checks(load(tmp_path, {}), END, State())
    assert result.findings == ()
    assert "ways = 2" in str(result)


def test_only_the_most_frequent_items_are_told_apart(tmp_path: Path) -> None:
    frame = boards()
    frame["dish"] = [f"{dish}-{n % 30}" for n, dish in enumerate(frame["dish"])]
    assert found(tmp_path, frame) == []
