from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from domain.errors import SourceError
from workers.doctor import init
from workers.sources.declare import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with duckdb.cursor() as connection:
        (tmp_path / "views").mkdir()
        connection.execute(
            "COPY (SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(n) AS seen_at, "
            "'u' || n % 900 AS user_id, "
            "'i' || n % 50 AS item_id, ['fr', 'es', 'da'][1 + n % 3] AS country, 'r' || n AS request "
            f"FROM range(100000) t(n)) TO '{tmp_path}/views/1.parquet' (FORMAT parquet)"
        )
        connection.execute(
            "COPY (SELECT 'i' || n AS item_id, 'Film ' || n AS title, 'fr' AS language FROM range(50) t(n)) "
            f"TO '{tmp_path}/items.csv'"
        )
    return tmp_path


def test_a_first_declaration_is_guessed_and_can_be_loaded(folder: Path) -> None:
    (folder / "recsysops.toml").write_text(init(folder))
    recommender = load(folder, {})
    views = recommender.tables["views"]
    assert (views.time, views.item, views.member) == ("seen_at", "item_id", "user_id")
    assert views.dimensions == ("country",)
    assert views.window == timedelta(hours=1)
    assert recommender.items is not None
    assert (recommender.items.table, recommender.items.key) == ("items", "item_id")
    assert {check.kind for check in recommender.checks.values()} == {"volume", "freshness", "slice_volume"}


def test_what_is_guessed_passes_the_doctor(folder: Path) -> None:
    from workers.doctor import check

    (folder / "recsysops.toml").write_text(init(folder))
    lines = check(folder, environment={}, at=datetime(2026, 1, 2, 4, tzinfo=UTC))
    assert [line for line in lines if line.level == "error"] == []


def test_a_folder_without_tables_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no Parquet or CSV table"):
        init(tmp_path)
