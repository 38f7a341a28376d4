"""Ids declared as a dimension: refused in words, before anybody counts them all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from domain.detection.data.window import Grid, grid_until
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from workers.checks.run import run_checks
from workers.sources.aggregate.count import count_windows
from workers.sources.aggregate.sets import many_valued
from workers.sources.engines.source import open_source

END = datetime(2026, 3, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
IDS = 10_000_000


def hours(count: int = 24) -> Grid:
    return grid_until(END, HOUR, (count - 1) * HOUR, ZoneInfo("UTC"))


def made(folder: Path, rows: int, member: str, country: str = "range % 40") -> Recommender:
    """A day of rows, with as many members as `member` says."""
    with duckdb.connect() as engine:
        engine.execute(
            f"COPY (SELECT TIMESTAMPTZ '{(END - DAY).isoformat()}' + to_microseconds(range * 86400000000 // "
            f"{rows}) AS at, {member} AS member_id, {country} AS country FROM range({rows})) "
            f"TO '{folder}/v.parquet' (FORMAT parquet)"
        )
    table = {"name": "views", "path": f"{folder}/v.parquet", "time": "at", "window": "1h"}
    check = {
        "name": "slices",
        "kind": "slice_volume",
        "table": "views",
        "dimensions": ("country", "member_id"),
    }
    return Recommender.model_validate(
        {"name": "lake", "folder": str(folder), "tables": {"views": table}, "checks": {"slices": check}}
    )


@pytest.fixture(scope="module")
def ids(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return made(tmp_path_factory.mktemp("ids"), IDS, "hash(range)")


def test_ten_million_ids_are_no_dimension(ids: Recommender) -> None:
    with pytest.raises(SourceError, match=r'dimension "member_id" has about \d{3},\d{3} values, more than'):
        count_windows(ids, "views", hours(), dimensions=("country", "member_id"))


def test_a_check_that_slices_by_ids_says_so_as_a_finding(ids: Recommender) -> None:
    (finding,) = run_checks(ids, END).findings
    assert "cannot look" in finding.title
    assert 'dimension "member_id"' in finding.title
    assert "take this one out" in finding.title


def test_only_the_newest_window_is_looked_at_and_counted_by_dimension(ids: Recommender) -> None:
    with open_source(ids, "views") as source:
        many = many_valued(source, ("country", "member_id", "elsewhere"), END - HOUR, END)
    assert list(many) == ["member_id"]
    assert many["member_id"] == pytest.approx(IDS / 24, rel=0.1)


def test_as_many_values_as_a_dimension_may_have_are_counted(tmp_path: Path) -> None:
    it = made(tmp_path, 48_000, "range % 2000")
    counted = count_windows(it, "views", hours(), dimensions=("member_id",))
    assert counted["val1"].nunique() == 2_000


def test_ids_that_are_few_in_each_window_are_refused_once_they_are_counted(tmp_path: Path) -> None:
    it = made(tmp_path, 2_400, "range")
    with pytest.raises(SourceError, match="has 2,400 values, more than 2,000"):
        count_windows(it, "views", hours(), dimensions=("member_id",))


def test_a_column_that_is_null_in_every_row_is_one_slice(tmp_path: Path) -> None:
    it = made(tmp_path, 2_400, "NULL::VARCHAR")
    counted = count_windows(it, "views", hours(), dimensions=("member_id",))
    assert counted["val1"].dropna().unique().tolist() == ["∅ (not set)"]
    assert counted.loc[counted["val1"].notna(), "rows"].sum() == 2_400


def test_windows_without_a_row_refuse_nothing(tmp_path: Path) -> None:
    it = made(tmp_path, 2_400, "range % 3")
    later = grid_until(END + 3 * DAY, HOUR, 24 * HOUR, ZoneInfo("UTC"))
    assert count_windows(it, "views", later, dimensions=("member_id",))["rows"].sum() == 0
