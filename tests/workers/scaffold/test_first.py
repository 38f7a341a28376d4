from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from domain.errors import SourceError
from workers.checks.backtest import backtest
from workers.declaration.declare import load
from workers.doctor.doctor import check, init


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
    assert {check.kind for check in recommender.checks.values()} >= {"volume", "freshness", "slice_volume"}


def test_what_numbers_a_data_frame_s_rows_is_no_feature_and_no_dimension(folder: Path) -> None:
    items = pd.DataFrame({"item_id": [f"i{n}" for n in range(50)], "language": ["fr", "da"] * 25})
    (folder / "items.csv").unlink()
    items.set_index(pd.Index([n % 7 for n in range(50)])).to_parquet(folder / "items.parquet")
    (folder / "recsysops.toml").write_text(init(folder))
    recommender = load(folder, {})
    assert recommender.items is not None
    assert recommender.items.features == ("language",)
    assert "the numbers of a data frame's rows" in init(folder)


OFFERED = timedelta(days=20)


def offers(folder: Path, spoilt: bool) -> datetime:
    """Twenty days of offers; a twelfth are ordered, `spoilt`: a fifth of that in DE on the last day."""
    chance, rows, begins = np.random.default_rng(2), 80_000, datetime(2026, 5, 1, tzinfo=UTC)
    at = np.sort(chance.uniform(0, OFFERED.total_seconds(), rows))
    country = chance.choice(["AT", "CH", "DE"], rows)
    late = spoilt & (at > 0.95 * OFFERED.total_seconds()) & (country == "DE")
    frame = pd.DataFrame(
        {
            "offered_at": pd.Timestamp(begins) + pd.to_timedelta(at, unit="s"),
            "product_id": chance.choice([f"p{n}" for n in range(60)], rows),
            "country": country,
            "tags": chance.choice(["new|cheap", "new", "cheap|used"], rows),
            "ordered": (chance.random(rows) < np.where(late, 1 / 60, 1 / 12)).astype(int),
            "is_first": chance.random(rows) < 0.3,
        }
    )
    frame.to_csv(folder / "offers.csv", index=False)
    return begins + OFFERED


@pytest.mark.parametrize("spoilt", [True, False])
def test_how_often_something_comes_of_a_row_is_watched_by_slice(tmp_path: Path, spoilt: bool) -> None:
    end = offers(tmp_path, spoilt)
    (tmp_path / "recsysops.toml").write_text(text := init(tmp_path, end))
    recommender = load(tmp_path, {})
    assert set(recommender.tables["offers"].dimensions) == {"country", "tags", "is_first"}
    watched = recommender.checks["offers_ordered"]
    assert (watched.measure, watched.dimensions) == ("ordered", ("country", "is_first"))
    assert "where that comes later, say `settle`" in text
    assert [one.says for one in check(tmp_path, environment={}, at=end) if one.level == "error"] == []
    watched_for = recommender.model_copy(update={"checks": {"offers_ordered": watched}})
    found = backtest(watched_for, end - timedelta(days=2), end)
    assert not found.faults
    incidents = [(one.check, one.slice) for one in found.incidents]
    assert incidents == ([("offers_ordered", (("country", "DE"),))] if spoilt else [])


def test_a_price_is_not_sliced_by_and_yet_watched(tmp_path: Path) -> None:
    end = offers(tmp_path, spoilt=False)
    frame = pd.read_csv(tmp_path / "offers.csv")
    frame["price"] = np.random.default_rng(4).gamma(3.0, 9.0, len(frame))
    frame.loc[pd.to_datetime(frame["offered_at"]) >= end - timedelta(days=1), "price"] *= 100
    frame.to_csv(tmp_path / "offers.csv", index=False)
    (tmp_path / "recsysops.toml").write_text(init(tmp_path, end))
    recommender = load(tmp_path, {})
    assert "price" not in recommender.tables["offers"].dimensions
    watching = {name: one for name, one in recommender.checks.items() if "price" in str(one.options)}
    assert set(watching) == {"offers_numbers", "offers_numbers_missing"}
    found = backtest(recommender.model_copy(update={"checks": watching}), end - timedelta(days=1), end)
    assert {one.check for one in found.incidents} == {"offers_numbers"}


def test_what_is_guessed_passes_the_doctor(folder: Path) -> None:
    (folder / "recsysops.toml").write_text(init(folder))
    lines = check(folder, environment={}, at=datetime(2026, 1, 2, 4, tzinfo=UTC))
    assert [line for line in lines if line.level == "error"] == []


def test_a_databases_address_is_no_folder_and_what_to_declare_is_said() -> None:
    with pytest.raises(SourceError, match="init reads a folder, not an address") as refused:
        init(Path("postgresql://reader:hunter2@localhost/shop"))
    assert "hunter2" not in str(refused.value)
    assert "[tables.NAME]" in str(refused.value)


def test_a_folder_without_tables_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no Parquet or CSV table"):
        init(tmp_path)


def events(rows: int = 300) -> str:
    return "user_id,item_id,ts\n" + "\n".join(
        f"{n},{n % 5},2026-01-01T00:{n % 60:02}:00Z" for n in range(rows)
    )


def test_a_table_that_cannot_be_read_is_named_and_the_others_are_written(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 half of a file")
    (tmp_path / "events.csv").write_text(events())
    (tmp_path / "recsysops.toml").write_text(text := init(tmp_path))
    assert "# Not read: broken.parquet: table" in text
    assert list(load(tmp_path, {}).tables) == ["events"]


def test_rows_that_name_a_member_once_are_still_events(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(events())
    (tmp_path / "recsysops.toml").write_text(init(tmp_path))
    table = load(tmp_path, {}).tables["events"]
    assert (table.time, table.item, table.key) == ("ts", "item_id", "user_id")


def test_commas_in_quoted_titles_and_bars_between_genres_are_no_columns(tmp_path: Path) -> None:
    lines = [f'{n},"Film, the {n}th",{"Drama|Crime" if n % 2 else "Drama"}' for n in range(300)]
    (tmp_path / "films.csv").write_text("\n".join(["movieId,title,genres", *lines]))
    (tmp_path / "recsysops.toml").write_text(init(tmp_path))
    recommender = load(tmp_path, {})
    assert recommender.items is not None
    assert (recommender.items.key, recommender.items.title) == ("movieId", "title")
    assert recommender.items.features == ("genres",)
    assert recommender.tables["films"].explode == {"genres": "|"}


def test_any_name_of_a_file_or_a_column_is_written_so_that_it_is_read(tmp_path: Path) -> None:
    with duckdb.cursor() as connection:
        connection.execute(
            "COPY (SELECT TIMESTAMP '2026-01-01' + to_seconds(n) AS \"my time\", "
            '\'v\' || n % 3 AS "co""l.x", '
            f"'a' || n % 2 AS \"a b\" FROM range(50000) t(n)) TO '{tmp_path}/Wéird n''s.parquet'"
        )
    (tmp_path / "recsysops.toml").write_text(init(tmp_path), encoding="utf-8")
    table = next(iter(load(tmp_path, {}).tables.values()))
    assert table.dimensions == ('co"l.x', "a b")


def test_a_few_clients_called_app_are_no_items_and_when_an_item_came_out_is_no_delivery(
    tmp_path: Path,
) -> None:
    at = pd.date_range("2026-11-01", periods=400, freq="1h", tz="UTC")
    clients = ["web", "ios", "android", "partner_api"] * 100
    pd.DataFrame({"app": clients, "added_at": at, "part": range(400)}).to_parquet(tmp_path / "adds.parquet")
    pd.DataFrame(
        {
            "part_no": [f"{n % 40:04d}" for n in range(400)],
            "first_sold_on": [pd.Timestamp("2025-01-01") + pd.Timedelta(days=n % 40) for n in range(400)],
            "loaded_at": [pd.Timestamp("2026-11-01 03:10") + pd.Timedelta(days=n // 40) for n in range(400)],
        }
    ).to_parquet(tmp_path / "parts.parquet")
    (tmp_path / "recsysops.toml").write_text(init(tmp_path), encoding="utf-8")
    tables = load(tmp_path / "recsysops.toml", {}).tables
    assert (tables["adds"].item, tables["adds"].dimensions) == (None, ("app",))
    assert tables["parts"].time == "loaded_at"
