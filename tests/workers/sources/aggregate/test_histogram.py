"""Where a column is cut: at exact quantiles, of all rows or of windows spread over them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from domain.detection.data.window import Grid, grid_until
from domain.recommender.recommender import Recommender
from workers.sources.aggregate import histogram
from workers.sources.engines.source import open_source

END = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS, A_DAY = 40, 100


@pytest.fixture
def frame() -> pd.DataFrame:
    chance = np.random.default_rng(3)
    day = np.repeat(np.arange(DAYS), A_DAY)
    at = pd.Timestamp(END) - pd.to_timedelta(DAYS - day - 0.5, unit="D")
    return pd.DataFrame({"at": at, "day": day, "value": day + chance.random(len(day))})


def edges(folder: Path, frame: pd.DataFrame) -> tuple[float, ...]:
    frame.to_parquet(folder / "rows.parquet", index=False)
    table = {"name": "rows", "path": f"{folder}/rows.parquet", "time": "at", "window": "1d"}
    recommender = Recommender.model_validate({"name": "t", "tables": {"rows": table}})
    grid: Grid = grid_until(END, DAY, (DAYS - 1) * DAY, ZoneInfo("UTC"))
    with open_source(recommender, "rows") as source:
        (bins,) = histogram.learn_bins(source, source.between(grid.start, grid.end), ("value",), grid)
    return bins.edges


def expected(values: pd.Series, whole: pd.Series) -> list[float]:
    return [whole.min(), *np.quantile(values, histogram.QUANTILES), whole.max()]


def test_of_few_rows_the_quantiles_are_those_of_all(tmp_path: Path, frame: pd.DataFrame) -> None:
    assert edges(tmp_path, frame) == pytest.approx(expected(frame["value"], frame["value"]), rel=1e-9)


def test_of_many_rows_they_are_those_of_windows_spread_from_the_first_to_the_last(
    tmp_path: Path, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histogram, "MOST_LEARNED", 16 * A_DAY)
    runs = np.linspace(0, DAYS - 2, histogram.RUNS).round()
    some = frame[frame["day"].isin([*runs, *(runs + 1)])]
    assert {0, DAYS - 1} <= set(some["day"])
    assert len(some) == 16 * A_DAY
    assert edges(tmp_path, frame) == pytest.approx(expected(some["value"], frame["value"]), rel=1e-9)


def test_never_of_fewer_than_the_first_and_the_last_window(
    tmp_path: Path, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histogram, "MOST_LEARNED", 1)
    some = frame[frame["day"].isin([0, DAYS - 1])]
    assert edges(tmp_path, frame) == pytest.approx(expected(some["value"], frame["value"]), rel=1e-9)
