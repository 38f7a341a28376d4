"""What was shown and chosen, counted the same by DuckDB on files and by PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pytest
from pandas.testing import assert_frame_equal

from domain.recommender.recommender import Recommender
from workers.sources.aggregate.exposure import (
    OTHERS,
    TOTAL,
    engagement,
    exposure_by_age,
    exposure_series,
    first_shown,
)
from workers.store.connection import driver_address

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
END = START + timedelta(hours=6)
HOUR = timedelta(hours=1)
ROWS = 4_000
KINDS = {"at": "timestamptz", "request": "bigint", "item": "text", "position": "int", "explored": "boolean"}


def made() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shown: two items a request; chosen: some of them, a few of them twice."""
    chance = np.random.default_rng(4)
    request = np.repeat(np.arange(ROWS // 2), 2)
    seconds = np.repeat(np.sort(chance.integers(0, 6 * 3_600, ROWS // 2)), 2)
    shown = pd.DataFrame(
        {
            "at": [START + timedelta(seconds=int(one)) for one in seconds],
            "request": request,
            "item": chance.choice(list("abcd"), ROWS),
            "position": np.tile([1, 2], ROWS // 2),
            "explored": np.repeat(chance.random(ROWS // 2) < 0.1, 2),
        }
    ).drop_duplicates(["request", "item"])
    chosen = shown[chance.random(len(shown)) < 0.2]
    return shown, pd.concat([chosen, chosen.iloc[:30]])


def declared(place: dict[str, dict[str, str]]) -> Recommender:
    tables = {
        name: {"name": name, "time": "at", "item": "item", "window": "1h", **place[name]}
        for name in ("shown", "chosen")
    }
    exposure = {
        "shown": "shown",
        "chosen": "chosen",
        "request": "request",
        "position": "position",
        "explored": "explored",
    }
    return Recommender.model_validate({"name": "t", "tables": tables, "exposure": exposure})


@pytest.fixture
def files(tmp_path: Path) -> Recommender:
    for name, frame in zip(("shown", "chosen"), made(), strict=True):
        frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return declared({name: {"path": f"{tmp_path}/{name}.parquet"} for name in ("shown", "chosen")})


@pytest.fixture
def postgres(database_url: str) -> Recommender:
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        for name, frame in zip(("shown", "chosen"), made(), strict=True):
            columns = ", ".join(f"{column} {kind}" for column, kind in KINDS.items())
            connection.execute(f"CREATE TABLE {name} ({columns})")
            with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for row in frame.itertuples(index=False):
                    copy.write_row(tuple(row))
    url = driver_address(database_url)
    return declared({name: {"url": url, "table": name} for name in ("shown", "chosen")})


def test_counts_are_those_of_the_rows(files: Recommender) -> None:
    shown, chosen = made()
    found = engagement(files, START, END)
    assert found["shown"].sum() == len(shown)
    assert found["chosen"].sum() == len(chosen.drop_duplicates())  # a choice that is there twice is one
    first = found.query("item == 'a' and position == 1 and explored")["shown"].iloc[0]
    assert first == len(shown.query("item == 'a' and position == 1 and explored"))


def test_the_series_adds_up_to_what_production_showed(files: Recommender) -> None:
    shown, _chosen = made()
    wide = exposure_series(files, ["a", "b"], START, END, HOUR)
    assert list(wide.columns) == ["a", "b", OTHERS, TOTAL]
    assert wide[TOTAL].sum() == len(shown[~shown["explored"]])
    assert wide["a"].sum() == len(shown.query("item == 'a' and not explored"))
    assert len(wide) == 6


def test_ages_outside_the_log_are_not_known_and_the_others_are_counted(files: Recommender) -> None:
    shown, _chosen = made()
    launches = pd.Series({"a": START - HOUR, "b": START + 2 * HOUR, "c": START + 2 * HOUR + HOUR / 2})
    ages = exposure_by_age(files, launches, START, END, HOUR)
    assert np.isnan(ages.loc["a"].to_numpy(float)[0])
    late = shown[(shown["item"] == "b") & (shown["at"] >= START + 2 * HOUR)]
    assert ages.loc["b"].sum() == len(late)
    assert int(np.isfinite(ages.loc["c"].to_numpy(float)).sum()) == 3


def test_postgresql_counts_as_duckdb_does(files: Recommender, postgres: Recommender) -> None:
    order = ["item", "position", "explored"]
    here, there = (
        engagement(one, START, END).sort_values(order, ignore_index=True) for one in (files, postgres)
    )
    assert_frame_equal(here, there, check_like=True, check_dtype=False)
    here, there = (exposure_series(one, ["a"], START, END, HOUR) for one in (files, postgres))
    assert_frame_equal(here, there, check_dtype=False, check_names=False)
    launches = pd.Series({"a": START, "b": START + 2 * HOUR})
    here, there = (exposure_by_age(one, launches, START, END, HOUR) for one in (files, postgres))
    assert_frame_equal(here, there, check_dtype=False, check_names=False)
    assert first_shown(files, START, END) == first_shown(postgres, START, END)


def test_nothing_shown_has_no_beginning(files: Recommender) -> None:
    assert first_shown(files, END + HOUR, END + 2 * HOUR) is None
