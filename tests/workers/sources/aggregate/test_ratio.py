"""Both sides of a ratio by window and cell, as the engine adds them up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pytest
from sqlalchemy import make_url

from domain.detection.data.counts import NOT_SET
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.data.window import grid_until
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Slice, slice_of
from tests.workers.sources.aggregate.test_count import END, HOUR, UTC_ZONE, recommender, write
from workers.sources.aggregate import series
from workers.sources.aggregate.series import OTHER, ratio_cells

GRID = grid_until(END, HOUR, 9 * HOUR, UTC_ZONE)


def plays(rows: int = 4_000) -> pd.DataFrame:
    """Ten hours; some stalls are not logged, some viewers are no number."""
    chance = np.random.default_rng(7)
    at = END - timedelta(hours=10) + pd.to_timedelta(chance.uniform(0, 36_000, rows), unit="s")
    viewers = chance.integers(0, 30, rows).astype(float)
    stalled = chance.binomial(viewers.astype(int), 0.1).astype(float)
    stalled[::50], viewers[1::50], viewers[2::70] = np.nan, np.nan, np.inf
    country = chance.choice(np.array(["France", "Spain", None], dtype=object), rows, p=[0.5, 0.3, 0.2])
    device = chance.choice(["tv", "web"], rows)
    provider = np.array([f"p{n:02d}" for n in chance.geometric(0.2, rows).clip(1, 30)])
    return pd.DataFrame(
        {
            "at": at,
            "stalled": stalled,
            "viewers": viewers,
            "country": country,
            "device": device,
            "provider": provider,
        }
    )


@pytest.fixture
def lake(tmp_path: Path) -> Recommender:
    write(tmp_path / "plays.parquet", plays())
    return recommender(tmp_path, {"plays": {"path": str(tmp_path / "plays.parquet"), "time": "at"}})


def check(**more: object) -> Check:
    ratio_of = {"aggregate": "ratio", "measure": "stalled", "over": "viewers"}
    return Check.model_validate({"name": "r", "kind": "slice_volume", "table": "plays", **ratio_of, **more})


def sides(cells: RatioCells, where: Slice) -> tuple[np.ndarray, np.ndarray]:
    inside = cells.inside(where)
    return cells.numerator[:, inside].sum(axis=1), cells.denominator[:, inside].sum(axis=1)


def by_hand(where: Slice) -> tuple[np.ndarray, np.ndarray]:
    frame = plays().replace([np.inf], np.nan).dropna(subset=["stalled", "viewers"])
    frame["country"] = frame["country"].fillna(NOT_SET)
    for dimension, value in where:
        frame = frame[frame[dimension] == value]
    hour = ((frame["at"] - (END - 10 * HOUR)) / HOUR).astype(int)
    upper, lower = (frame[side].groupby(hour).sum().reindex(range(10), fill_value=0.0) for side in SIDES)
    return upper.to_numpy(), lower.to_numpy()


SIDES = ("stalled", "viewers")
DIMENSIONS = ("country", "device", "provider")


@pytest.mark.parametrize(
    "where",
    [
        (),
        slice_of(country="France"),
        slice_of(country=NOT_SET, device="tv"),
        slice_of(country="Spain", device="web", provider="p02"),
    ],
)
def test_slices_of_any_number_of_dimensions_are_sums_of_cells(lake: Recommender, where: Slice) -> None:
    cells = ratio_cells(lake, check(), GRID, DIMENSIONS)
    for seen, expected in zip(sides(cells, where), by_hand(where), strict=True):
        np.testing.assert_allclose(seen, expected)
    assert cells.left_out is None
    assert cells.share


def test_a_mean_is_divided_by_the_rows_that_have_a_value(lake: Recommender) -> None:
    declared = Check.model_validate(
        {"name": "m", "kind": "volume", "table": "plays", "aggregate": "mean", "measure": "viewers"}
    )
    cells = ratio_cells(lake, declared, GRID, ())
    kept = plays().replace([np.inf], np.nan)["viewers"].dropna()
    assert cells.denominator.sum() == len(kept)
    assert cells.numerator.sum() == kept.sum()


def test_where_there_are_too_many_cells_the_values_that_hold_least_share_one_and_that_is_said(
    lake: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ratio_cells(lake, check(), GRID, DIMENSIONS)
    monkeypatch.setattr(series, "MOST_CELLS", 600)
    cells = ratio_cells(lake, check(), GRID, DIMENSIONS)
    providers = set(cells.values[DIMENSIONS.index("provider")])
    assert providers == {"p01", "p02", "p03", "p04", "p05", "p06", "p07", "p08", OTHER}
    assert set(cells.values[0]) == {"France", "Spain", NOT_SET}
    np.testing.assert_allclose(cells.total, whole.total)
    kept = slice_of(country="France", provider="p02")
    np.testing.assert_allclose(sides(cells, kept), sides(whole, kept))
    assert cells.left_out is not None
    assert "smallest of" in cells.left_out
    assert "values of provider" in cells.left_out


def test_an_engine_behind_an_address_adds_up_the_same(
    lake: Recommender, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("database_url")
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    rows = [
        (
            at.floor("us").to_pydatetime(),
            stalled,
            viewers,
            country if isinstance(country, str) else None,
            device,
            provider,
        )
        for at, stalled, viewers, country, device, provider in plays().itertuples(index=False)
    ]
    with psycopg.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS stalls")
        cursor.execute(
            "CREATE TABLE stalls (at timestamptz, stalled double precision, viewers double precision, "
            "country text, device text, provider text)"
        )
        cursor.executemany("INSERT INTO stalls VALUES (%s, %s, %s, %s, %s, %s)", rows)
    there = recommender(tmp_path, {"plays": {"url": address, "table": "stalls", "time": "at"}})
    here, far = (ratio_cells(one, check(), GRID, DIMENSIONS) for one in (lake, there))
    assert (here.values, here.share) == (far.values, far.share)
    np.testing.assert_array_equal(here.codes, far.codes)
    np.testing.assert_allclose(far.numerator, here.numerator)
    np.testing.assert_allclose(far.denominator, here.denominator)


def test_a_column_that_is_missing_or_holds_no_numbers_is_reported(lake: Recommender) -> None:
    with pytest.raises(SourceError, match='no column "stall"; did you mean "stalled"'):
        ratio_cells(lake, check(measure="stall"), GRID, DIMENSIONS)
    with pytest.raises(SourceError, match='column "country" holds string, not numbers'):
        ratio_cells(lake, check(over="country"), GRID, DIMENSIONS)
