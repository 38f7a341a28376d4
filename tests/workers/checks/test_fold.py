"""A backtest's incidents join, go on and end by the rules of the live path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.values import Finding, Severity, Slice
from workers.checks.backtest import backtest
from workers.checks.fold import Fold
from workers.declaration.declare import load

END = datetime(2026, 3, 20, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DECLARED = """\
[recommender]
name = "shop"

[tables.plays]
path = "plays.parquet"
time = "at"
window = "1h"
dimensions = ["genre"]
item = "film"
"""
STOPS = """
[checks.rows]
kind = "volume"
table = "plays"

[checks.fresh]
kind = "freshness"
table = "plays"
every = "1h"
"""
BY_GENRE = """
[checks.genres]
kind = "slice_volume"
table = "plays"
window = "1d"
"""


def plays(days: int = 12, an_hour: int = 60) -> pd.DataFrame:
    chance, rows = np.random.default_rng(3), days * 24 * an_hour
    at = END - days * DAY + pd.to_timedelta(np.sort(chance.uniform(0, days * 86_400, rows)), unit="s")
    frame = pd.DataFrame({"at": pd.DatetimeIndex(at).floor("us")})
    frame["film"] = [f"f{n}" for n in chance.integers(0, 50, rows)]
    return frame.assign(genre=chance.choice(["Drama", "Action", "Comedy"], rows))


def written(folder: Path, frame: pd.DataFrame, checks: str) -> Path:
    frame.to_parquet(folder / "plays.parquet")
    (folder / "recsysops.toml").write_text(DECLARED + checks)
    return folder


def test_two_checks_that_say_one_thing_are_one_incident_until_rows_come_again(tmp_path: Path) -> None:
    frame = plays()
    silent = frame["at"].between(END - 20 * HOUR, END - 10 * HOUR)
    shop = load(written(tmp_path, frame[~silent], STOPS))
    (incident,) = backtest(shop, END - DAY, END).incidents
    assert {incident.check, *incident.also} == {"rows", "fresh"}
    assert END - 20 * HOUR < incident.opened_at <= END - 19 * HOUR
    assert incident.ended_at is not None
    assert END - 10 * HOUR < incident.ended_at <= END - 7 * HOUR


def surge(genre: str, day: int, times: float) -> Finding:
    where: Slice = (("genre", genre),)
    end = END - (11 - day) * DAY
    return Finding(
        check="genres",
        table="plays",
        slice=where,
        window_start=end - DAY,
        window_end=end,
        observed=480 * times,
        expected=480,
        p_value=1e-9,
        severity=Severity.SEV3,
        title=f"{genre}: more rows",
    )


@pytest.mark.parametrize(("films", "count"), [(("new", "new"), 1), (("new", "other"), 2)])
def test_the_same_items_in_other_genres_on_other_days_are_one_incident(
    tmp_path: Path, films: tuple[str, str], count: int
) -> None:
    frame = plays()
    released = [
        pd.DataFrame({"at": [END - (11 - day) * DAY - HOUR] * 400, "film": film, "genre": genre})
        for film, genre, day in zip(films, ("Drama", "Action"), (8, 10), strict=True)
    ]
    shop = load(written(tmp_path, pd.concat([frame, *released]).sort_values("at"), BY_GENRE))
    fold = Fold(shop)
    for finding in (surge("Drama", 8, 1.83), surge("Action", 10, 1.83)):
        fold.take(finding, finding.window_end)
    assert len(fold.incidents) == count


def test_what_was_found_is_not_over_while_its_metric_is_not_back(tmp_path: Path) -> None:
    frame = plays()
    lost = (frame["at"] >= END - 12 * HOUR) & (frame.index % 2 == 0)
    shop = load(written(tmp_path, frame[~lost], STOPS))
    fold = Fold(shop)
    finding = Finding(
        check="rows",
        table="plays",
        window_start=END - 12 * HOUR,
        window_end=END - 11 * HOUR,
        observed=30,
        expected=60,
        p_value=1e-9,
        severity=Severity.SEV2,
        title="half",
    )
    fold.take(finding, END - 11 * HOUR)
    for hour in range(10, 1, -1):
        fold.clear([finding.fingerprint] if hour == 10 else [], [], END - hour * HOUR)
    assert fold.incidents[0].ended_at is None
