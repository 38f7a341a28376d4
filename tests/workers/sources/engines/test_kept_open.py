"""An engine started for one question answers the next, and nobody notices."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from workers.sources.engines.files import kept_open
from workers.sources.engines.source import Source, open_source


def declared(folder: Path, *names: str) -> Recommender:
    tables = {
        name: {"name": name, "path": str(folder / f"{name}/*.parquet"), "timeout": "5s"} for name in names
    }
    return Recommender.model_validate({"name": "shop", "folder": str(folder), "tables": tables})


@pytest.fixture
def shop(tmp_path: Path) -> Recommender:
    for name in ("plays", "items"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "0.parquet", rows=3)
    return declared(tmp_path, "plays", "items")


def write(file: Path, rows: int) -> None:
    pd.DataFrame({"n": range(rows)}).to_parquet(file, index=False)


def counted(source: Source) -> int:
    return int(source.fetch(source.rows.aggregate(n=source.rows.count()))["n"][0])


def test_who_reads_the_same_files_is_given_the_engine_that_was_let_go_of(shop: Recommender) -> None:
    with kept_open():
        with open_source(shop, "plays") as first:
            assert counted(first) == 3
            with open_source(shop, "items") as beside:
                assert beside.connection is not first.connection  # it is in use
        with kept_open(), open_source(shop, "plays") as second:
            assert second.connection in (first.connection, beside.connection)
            assert counted(second) == 3
        with open_source(shop, "plays") as third:
            assert third.connection is second.connection
    with pytest.raises(duckdb.ConnectionException):
        first.connection.con.execute("SELECT 1")
    with open_source(shop, "plays") as apart:
        assert apart.connection is not first.connection


def test_files_that_came_or_changed_in_between_are_seen(shop: Recommender, tmp_path: Path) -> None:
    with kept_open():
        with open_source(shop, "plays") as source:
            assert counted(source) == 3
        write(tmp_path / "plays/0.parquet", rows=4)
        write(tmp_path / "plays/1.parquet", rows=10)
        with open_source(shop, "plays") as source:
            assert counted(source) == 14


def test_an_engine_that_failed_is_not_given_to_the_next(shop: Recommender) -> None:
    with kept_open():
        with pytest.raises(SourceError), open_source(shop, "plays") as failed:
            failed.ask(lambda: failed.connection.con.execute("SELECT error('broken')").fetchall())
        with open_source(shop, "plays") as source:
            assert source.connection is not failed.connection
            assert counted(source) == 3


def test_an_engine_reads_only_what_it_was_started_for(shop: Recommender, tmp_path: Path) -> None:
    with kept_open():
        with open_source(shop, "plays") as both:
            pass
        with open_source(declared(tmp_path, "plays"), "plays") as fewer:
            assert fewer.connection is not both.connection
            with pytest.raises(SourceError, match="not declared"):
                fewer.ask(lambda: fewer.connection.con.sql(f"FROM '{tmp_path}/items/0.parquet'").fetchall())
