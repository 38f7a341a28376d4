"""A market's app that lists stalls partly at random: what is listed, compared with its scores' ranking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.values import Finding, Slice
from tests.workers.checks.looked import findings_at
from tests.workers.test_served import in_postgres
from workers.checks.measure import measure
from workers.checks.run import FAULT, State, run_checks
from workers.declaration.declare import load
from workers.doctor import doctor
from workers.sources.engines.engine import open_duckdb
from workers.sources.engines.source import answer, rows_of
from workers.sources.logged.served import ALONE, rank_bin

END = datetime(2026, 5, 7, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
WINDOWS, A_WINDOW, STALLS, RANKED, LISTED = 9, 150, 60, 24, 6
DECLARED = """
[recommender]
name = "market"

[tables.listings]
path = "listings.parquet"
time = "opened_at"
window = "15m"
dimensions = ["hall", "ware"]
item = "stall"

[models.guide]
path = "guide.skops"
features = ["near"]
candidates = "listings"
request = "visit"
item = "stall"
score = "worth"
shown = "listed"
top = 6

[checks.parity]
kind = "rank_parity"
table = "listings"
least_rows = 8
"""
WARES = np.array(["bread", "cheese", "fish", "flowers"])
Kept = Callable[[pd.DataFrame], pd.Series]


def listings(kept: Kept | None = None, worth: Kept | None = None, seed: int = 5) -> pd.DataFrame:
    """
    Visits, each with its candidates: the best are listed, where chance has a part in what is the best.

    Args:
        kept: of rows with `now` (whether they are of the last two windows), which may be listed.
        worth: what is added to their score.
    """
    chance = np.random.default_rng(seed)
    visits = WINDOWS * A_WINDOW
    stall = np.argsort(chance.random((visits, STALLS)), axis=1)[:, :RANKED].ravel()
    frame = pd.DataFrame(
        {"visit": np.repeat(np.arange(visits), RANKED), "stall": [f"s{n:02}" for n in stall]}
    )
    frame["ware"] = WARES[stall % len(WARES)]
    frame["hall"] = np.repeat(chance.choice(["east", "north", "quay"], visits), RANKED)
    back = WINDOWS * QUARTER.total_seconds() * (1 - (frame["visit"] + 0.5) / visits)
    frame["opened_at"] = (pd.Timestamp(END) - pd.to_timedelta(back, unit="s")).dt.floor("us")
    frame["now"] = frame["opened_at"] >= pd.Timestamp(END - 2 * QUARTER)
    frame["worth"] = chance.normal(size=STALLS)[stall] + 0.3 * chance.normal(size=len(frame))
    frame["worth"] += worth(frame) if worth else 0.0
    order = frame["worth"] + 0.6 * chance.gumbel(size=len(frame))
    order = order.where(kept(frame), -np.inf) if kept else order
    frame["listed"] = (order.groupby(frame["visit"]).rank(ascending=False) <= LISTED) & np.isfinite(order)
    return frame


def found(folder: Path, frame: pd.DataFrame, place: str = 'path = "listings.parquet"') -> list[Finding]:
    """What is reported when the last window is looked at, after the two before it."""
    frame.drop(columns="now").to_parquet(folder / "listings.parquet")
    declared = DECLARED.replace('path = "listings.parquet"', place)
    (folder / "recsysops.toml").write_text(declared, encoding="utf-8")
    return findings_at(load(folder, {}), END, QUARTER)


def test_postgres_gives_the_same_answer(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    frame = listings(all_fish)
    (here,) = found(tmp_path, frame)
    rows = frame.drop(columns="now")
    address = in_postgres(request.getfixturevalue("database_url"), {"listings": rows}, ("listings",))
    (there,) = found(tmp_path, frame, f'url = "{address}"\ntable = "listings"')
    summed = {"p_value", "affected_share"}  # of weights, in an order of the engine's own
    assert there.model_dump(exclude=summed) == here.model_dump(exclude=summed)
    assert there.model_dump(include=summed) == pytest.approx(here.model_dump(include=summed))


def best(frame: pd.DataFrame, place: int = 0) -> str:
    """A stall that is ranked high wherever it comes up."""
    return str(frame.groupby("stall")["worth"].mean().sort_values(ascending=False).index[place])


def one_stall(frame: pd.DataFrame) -> pd.Series:
    return ~(frame["now"] & (frame["stall"] == best(frame)) & (frame["hall"] == "quay"))


def all_fish(frame: pd.DataFrame) -> pd.Series:
    return ~(frame["now"] & (frame["ware"] == "fish"))


def fish_in_one_hall(frame: pd.DataFrame) -> pd.Series:
    return ~(frame["now"] & (frame["ware"] == "fish") & (frame["hall"] == "north"))


@pytest.mark.parametrize(
    ("kept", "where"),
    [
        (one_stall, (("hall", "quay"), ("stall", best(listings())))),
        (all_fish, (("ware", "fish"),)),
        (fish_in_one_hall, (("hall", "north"), ("ware", "fish"))),
    ],
)
def test_what_is_ranked_and_never_listed_is_reported_with_where(
    kept: Kept, where: Slice, tmp_path: Path
) -> None:
    (finding,) = found(tmp_path, listings(kept))
    assert finding.slice == where
    assert finding.observed == 0
    assert "never shown, whatever its scores" in finding.title


def test_what_is_held_back_in_part_is_reported_with_how_much(tmp_path: Path) -> None:
    def half_of_fish(frame: pd.DataFrame) -> pd.Series:
        return ~(frame["now"] & (frame["ware"] == "fish") & (frame["visit"] % 2 == 0))

    (finding,) = found(tmp_path, listings(half_of_fish))
    assert finding.slice == (("ware", "fish"),)
    assert 0.4 < finding.observed / finding.expected < 0.6
    assert "less often than its scores rank it" in finding.title


def test_what_is_ranked_lower_and_so_listed_less_is_not_held_back(tmp_path: Path) -> None:
    def cheaper(frame: pd.DataFrame) -> pd.Series:
        return -1.5 * (frame["now"] & (frame["ware"] == "cheese")).astype(float)

    frame = listings(worth=cheaper)
    share = frame["listed"].groupby([frame["now"], frame["ware"]]).mean()
    assert share[True, "cheese"] < 0.5 * share[False, "cheese"]
    assert found(tmp_path, frame) == []


def test_what_was_always_held_back_is_no_fault(tmp_path: Path) -> None:
    def children_see_no_fish(frame: pd.DataFrame) -> pd.Series:
        return ~((frame["ware"] == "fish") & (frame["hall"] == "east"))

    assert found(tmp_path, listings(children_see_no_fish)) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_market_in_which_nothing_is_held_back_is_silent(seed: int, tmp_path: Path) -> None:
    assert found(tmp_path, listings(seed=seed)) == []


def test_it_is_measured_again_once_it_is_fixed(tmp_path: Path) -> None:
    def until_lately(frame: pd.DataFrame) -> pd.Series:
        late = frame["opened_at"] >= pd.Timestamp(END - QUARTER)
        return late | (frame["ware"] != "fish") | (frame["opened_at"] < pd.Timestamp(END - 3 * QUARTER))

    frame, state = listings(until_lately), State()
    assert found(tmp_path, frame) == []  # by now it is over
    recommender = load(tmp_path, {})
    for back in (2, 1):
        result = run_checks(recommender, END + timedelta(seconds=30) - back * QUARTER, state)
        state = result.state
    (finding,) = result.findings
    assert not measure(recommender, finding, END - 2 * QUARTER, END - QUARTER).within
    assert measure(recommender, finding, END - QUARTER, END).within


@pytest.mark.parametrize(
    ("line", "says"), [('shown = "listed"\n', 'shown = "…"'), ('score = "worth"\n', "request, item, score")]
)
def test_what_it_cannot_do_without_is_said_by_the_doctor_and_by_a_look(
    line: str, says: str, tmp_path: Path
) -> None:
    found(tmp_path, listings())
    (tmp_path / "recsysops.toml").write_text(DECLARED.replace(line, ""), encoding="utf-8")
    lines = doctor.check(tmp_path, environment={}, at=END)
    assert any(says in line.says for line in lines if line.where == "checks.parity")
    (fault,) = run_checks(load(tmp_path, {}), END, State()).findings
    assert fault.subject == FAULT
    assert says in fault.title


def test_bins_of_ranks_widen_further_down() -> None:
    connection = open_duckdb()
    ranks = rows_of(connection, "SELECT unnest(range(1, 81)) AS rank")
    bins = answer(connection, ranks.select(bin=rank_bin(ranks["rank"])))["bin"].tolist()
    assert bins[:ALONE] == list(range(1, ALONE + 1))
    assert bins == sorted(bins)
    assert [bins.count(ALONE + n) for n in range(1, 9)] == [3, 5, 5, 7, 7, 9, 11, 13]
