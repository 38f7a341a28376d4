from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pytest
from sqlalchemy import make_url

from domain.detection.data.counts import NOT_SET
from domain.detection.data.window import grid_until
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from tests.workers.sources.aggregate.test_count import END, HOUR, UTC_ZONE, recommender, write
from workers.sources.aggregate import series
from workers.sources.aggregate.series import series_of

GRID = grid_until(END, HOUR, 9 * HOUR, UTC_ZONE)


def plays(rows: int = 3_000) -> pd.DataFrame:
    """Ten hours, of which the first and the fourth hold nothing; some numbers are none."""
    chance = np.random.default_rng(7)
    hour = chance.choice([1, 2, 4, 5, 6, 7, 8, 9], rows)
    at = END - timedelta(hours=10) + pd.to_timedelta(hour * 3_600 + chance.uniform(0, 3_600, rows), unit="s")
    minutes = chance.gamma(3, 10, rows)
    minutes[::50], minutes[1::50] = np.nan, np.inf
    country = chance.choice(np.array(["France", "Spain", None], dtype=object), rows, p=[0.5, 0.3, 0.2])
    seen = chance.integers(0, 3, rows)
    return pd.DataFrame({"at": at, "minutes": minutes, "seen": seen, "country": country, "hour": hour})


@pytest.fixture
def lake(tmp_path: Path) -> Recommender:
    write(tmp_path / "plays.parquet", plays())
    return recommender(tmp_path, {"plays": {"path": str(tmp_path / "plays.parquet"), "time": "at"}})


def check(**more: object) -> Check:
    return Check.model_validate({"name": "m", "kind": "series", "table": "plays", **more})


BY_HAND = {
    "count": (check(), len),
    "sum": (check(measure="minutes"), lambda part: part["minutes"].sum()),
    "mean": (check(measure="minutes", aggregate="mean"), lambda part: part["minutes"].mean()),
    "quantile": (
        check(measure="minutes", aggregate="quantile", quantile=0.9),
        lambda part: part["minutes"].quantile(0.9),
    ),
    "ratio": (
        check(measure="minutes", aggregate="ratio", over="seen"),
        lambda part: part["minutes"].sum() / part["seen"].sum(),
    ),
}


@pytest.mark.parametrize("aggregate", BY_HAND)
def test_every_aggregate_is_what_pandas_makes_of_the_same_rows(lake: Recommender, aggregate: str) -> None:
    declared, by_hand = BY_HAND[aggregate]
    metric = series_of(lake, declared, GRID, ("country",))
    frame = plays().replace([np.inf], np.nan)
    frame["country"] = frame["country"].fillna(NOT_SET)
    assert metric.slices == ((), *(((("country", name),)) for name in sorted(frame["country"].unique())))
    for place, where in enumerate(metric.slices):
        part = frame if not where else frame[frame["country"] == where[0][1]]
        empty = 0.0 if aggregate in ("count", "sum") else np.nan
        expected = np.array([np.nan, *[empty] * 9])
        for hour, rows in part.groupby("hour"):
            expected[int(str(hour))] = by_hand(rows)
        np.testing.assert_allclose(metric.values(place), expected, rtol=1e-9)


def test_an_engine_behind_an_address_aggregates_the_same(
    lake: Recommender, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("database_url")
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    rows = [
        (at.floor("us").to_pydatetime(), minutes, seen, country if isinstance(country, str) else None)
        for at, minutes, seen, country, _hour in plays().itertuples(index=False)
    ]
    with psycopg.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS metric")
        cursor.execute(
            "CREATE TABLE metric (at timestamptz, minutes double precision, seen bigint, country text)"
        )
        cursor.executemany("INSERT INTO metric VALUES (%s, %s, %s, %s)", rows)
    there = recommender(tmp_path, {"plays": {"url": address, "table": "metric", "time": "at"}})
    for declared, _by_hand in BY_HAND.values():
        here, far = (series_of(one, declared, GRID, ("country",)) for one in (lake, there))
        assert here.slices == far.slices
        np.testing.assert_allclose(far.held, here.held, rtol=1e-9)


def test_a_table_without_rows_has_no_values(lake: Recommender) -> None:
    metric = series_of(lake, check(), grid_until(END - 30 * HOUR, HOUR, 9 * HOUR, UTC_ZONE), ())
    assert np.isnan(metric.values(0)).all()


def test_a_column_that_is_missing_or_holds_no_numbers_is_reported(lake: Recommender) -> None:
    with pytest.raises(SourceError, match='no column "minuts"; did you mean "minutes"'):
        series_of(lake, check(measure="minuts"), GRID, ())
    with pytest.raises(SourceError, match='column "country" holds string, not numbers'):
        series_of(lake, check(measure="country"), GRID, ())
    with pytest.raises(SourceError, match='no column "sen"'):
        series_of(lake, check(measure="minutes", aggregate="ratio", over="sen"), GRID, ())


def test_more_slices_than_a_person_can_name_are_refused(
    lake: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "MOST_SERIES", 2)
    with pytest.raises(SourceError, match=r"3 slices, more than 2; name fewer dimensions in \[checks.m\]"):
        series_of(lake, check(), GRID, ("country",))
