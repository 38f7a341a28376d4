"""A time is the same time, whichever way a table stores it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from domain.detection.data.window import Grid
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.sources.aggregate.count import count_windows, time_bins
from workers.sources.aggregate.profile import profile
from workers.sources.engines.source import open_source

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEPT: dict[str, Callable[[pd.Series], pd.Series]] = {
    "nanoseconds with a zone, as pandas writes them": lambda at: at.astype("datetime64[ns, UTC]"),
    "microseconds with a zone": lambda at: at.astype("datetime64[us, UTC]"),
    "nanoseconds of another zone": lambda at: at.dt.tz_convert("Asia/Tokyo").astype(
        pd.DatetimeTZDtype("ns", "Asia/Tokyo")
    ),
    "nanoseconds without a zone": lambda at: at.dt.tz_localize(None).astype("datetime64[ns]"),
    "milliseconds without a zone": lambda at: at.dt.tz_localize(None).astype("datetime64[ms]"),
    "a number of seconds": lambda at: at.map(lambda one: int(one.timestamp())),
    "a number of milliseconds": lambda at: at.map(lambda one: round(one.timestamp() * 1000)),
    "a text": lambda at: at.map(lambda one: one.isoformat()),
}


@pytest.mark.parametrize("kept", KEPT.values(), ids=list(KEPT))
@pytest.mark.parametrize("column", ["played_at", 'odd "name" of.it'])
def test_it_is_counted_in_the_same_windows(
    tmp_path: Path, column: str, kept: Callable[[pd.Series], pd.Series]
) -> None:
    at = pd.Series(pd.date_range(START, periods=300, freq="1min", tz="UTC"))
    pd.DataFrame({column: kept(at)}).to_parquet(tmp_path / "plays.parquet", index=False)
    table = Table(name="plays", path=str(tmp_path / "*.parquet"), time=column, window=HOUR)
    shop = Recommender(name="shop", tables={"plays": table})
    grid = Grid(START, HOUR, 6, ((START, 0),), ZoneInfo("UTC"))
    counted = count_windows(shop, "plays", grid)
    total = counted[counted["dim1"].isna()].set_index("window")["rows"]
    assert [int(total.get(n, 0)) for n in range(6)] == [60] * 5 + [0]
    assert len(time_bins(shop, "plays", START, START + 6 * HOUR, timedelta(minutes=1))) == 300
    with open_source(shop, "plays") as source:
        found = profile(source, START + 2 * HOUR)
    assert (found.first, found.rows, found.in_future) == (START, 300, 179)
