"""`recsysops init` on tables that nobody here made; docs/benchmarks.md says which data are needed."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workers.checks.backtest import backtest
from workers.declaration.declare import load
from workers.doctor.doctor import check
from workers.scaffold.first import init

BESIDE = Path(__file__).parents[3] / "shared/data"
RATINGS = Path(os.environ.get("MOVIETWEETINGS_DATA", BESIDE / "movietweetings"))
BANDIT = Path(os.environ.get("OPEN_BANDIT_DATA", BESIDE / "open_bandit/all"))


def test_ratings_and_films_are_found_to_belong_together_and_stay_quiet(tmp_path: Path) -> None:
    (tmp_path / "recsysops.toml").write_text(init(RATINGS), encoding="utf-8")
    recommender = load(tmp_path, {})
    ratings, items = recommender.tables["ratings"], recommender.items
    assert (ratings.time, ratings.item, ratings.window) == ("ratings_4", "ratings_2", timedelta(days=1))
    assert items is not None
    assert (items.table, items.key, items.title) == ("movies", "movies_1", "movies_2")
    assert ratings.dimensions == ("movies_3",)
    assert recommender.tables["movies"].explode == {"movies_3": "|"}
    assert not [one for one in check(tmp_path, environment={}) if one.level == "error"]
    result = backtest(recommender, datetime(2013, 5, 1, tzinfo=UTC), datetime(2013, 6, 1, tzinfo=UTC))
    assert result.incidents_per_week <= 2.0


def test_a_logged_bandit_is_sliced_by_what_members_and_items_are(tmp_path: Path) -> None:
    (tmp_path / "recsysops.toml").write_text(init(BANDIT), encoding="utf-8")
    recommender = load(tmp_path, {})
    shown = recommender.tables["random"]
    assert (shown.time, shown.item) == ("timestamp", "item_id")
    assert {"user_feature_0", "item_feature_1"} <= set(shown.dimensions)
    assert not any("affinity" in name or "propensity" in name for name in shown.dimensions)
    assert not [one for one in check(tmp_path, environment={}) if one.level == "error"]
