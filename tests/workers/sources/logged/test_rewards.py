"""What members chose in logged requests, read from the declared tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from domain.errors import SourceError
from domain.recommender.objective import Objective
from domain.recommender.recommender import Recommender
from tests.workers.rankings import DAY, END, HOUR, write_rankings
from workers.sources.logged.rewards import daily_totals, rewards_of, unit_of


@pytest.fixture(scope="module")
def rankings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recommender, Path]:
    folder = tmp_path_factory.mktemp("rankings")
    return write_rankings(folder, "", hours=3, requests_an_hour=60), folder


def test_each_choice_of_the_requests_asked_for_counts_once(rankings: tuple[Recommender, Path]) -> None:
    recommender, folder = rankings
    chosen = pd.read_parquet(folder / "chosen.parquet")
    twice = pd.concat([chosen, chosen])
    twice.to_parquet(folder / "chosen.parquet", index=False)
    requests = sorted(chosen["request"].unique())[:20]
    found = rewards_of(recommender, requests, END - 3 * HOUR, END)
    wanted = chosen[chosen["request"].isin(requests)]
    assert set(found.index) == {(str(row.request), str(row.item)) for row in wanted.itertuples(index=False)}
    assert set(found) == {1.0}
    chosen.to_parquet(folder / "chosen.parquet", index=False)


def test_the_objective_s_measure_counts_instead(rankings: tuple[Recommender, Path]) -> None:
    recommender, folder = rankings
    chosen = pd.read_parquet(folder / "chosen.parquet")
    chosen.assign(minutes=range(1, len(chosen) + 1)).to_parquet(folder / "chosen.parquet", index=False)
    measured = recommender.model_copy(update={"objective": Objective(measure="minutes")})
    found = rewards_of(measured, chosen["request"].unique().tolist(), END - 3 * HOUR, END)
    assert found.sum() == pytest.approx(len(chosen) * (len(chosen) + 1) / 2)
    assert daily_totals(measured, END).rewards == pytest.approx(found.sum())
    assert (unit_of(measured), unit_of(recommender)) == ("minutes", "chosen")
    wrong = recommender.model_copy(update={"objective": Objective(measure="minuts")})
    with pytest.raises(SourceError, match=r'no column "minuts".*minutes'):
        rewards_of(wrong, ["1"], END - DAY, END)


def test_a_day_s_crowd_is_counted(rankings: tuple[Recommender, Path]) -> None:
    recommender, folder = rankings
    day = daily_totals(recommender, END)
    assert day.rewards == len(pd.read_parquet(folder / "chosen.parquet"))
    assert day.visits is None  # the table of what was shown names no member
    tables = dict(recommender.tables)
    tables["shown"] = tables["shown"].model_copy(update={"member": "member"})
    known = daily_totals(recommender.model_copy(update={"tables": tables}), END)
    shown = pd.read_parquet(folder / "candidates")
    assert known.visits == pytest.approx(shown["request"].nunique() / shown["member"].nunique())
