"""Looks at slices at awkward times: repeated, walked, mid-window, before late rows, at a clock change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from domain.recommender.recommender import Recommender
from domain.values import Finding, slice_of
from workers.checks.backtest import backtest
from workers.checks.run import State, run_checks

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 2, 20, tzinfo=UTC)
CHANGE = datetime(2026, 3, 29, tzinfo=UTC)
"""The day on which Brussels puts its clocks forward: it has 23 hours."""
DAYS = 42
FAULT = START + 30 * DAY


def plays(fault: bool) -> pd.DataFrame:
    """Six weeks by the hour; television is watched in the evening. Spain loses most for a day, if it does."""
    chance = np.random.default_rng(7)
    rows = DAYS * 24 * 300
    at = pd.Series(START + pd.to_timedelta(np.sort(chance.uniform(0, DAYS * 86_400, rows)), unit="s"))
    evening = (at.dt.hour >= 18).to_numpy()
    device = np.where(chance.random(rows) < np.where(evening, 0.7, 0.3), "tv", "web")
    country = chance.choice(["Spain", "Italy", "France"], rows, p=[0.3, 0.3, 0.4])
    lost = (at >= FAULT) & (at < FAULT + DAY) & (country == "Spain") & (chance.random(rows) < 0.75)
    frame = pd.DataFrame({"at": at, "country": country, "device": device})
    return frame[~lost] if fault else frame


def shop(folder: Path, frame: pd.DataFrame, window: str = "1h", settle: str = "0s") -> Recommender:
    with duckdb.cursor() as connection:
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{folder}/plays.parquet' (FORMAT parquet)")
    table = {
        "name": "plays",
        "path": f"{folder}/plays.parquet",
        "time": "at",
        "window": window,
        "settle": settle,
        "dimensions": ("country", "device"),
    }
    check = {"name": "sliced", "kind": "slice_volume", "table": "plays", "history": "21d"}
    return Recommender.model_validate(
        {
            "name": "t",
            "folder": str(folder),
            "timezone": "Europe/Brussels",
            "tables": {"plays": table},
            "checks": {"sliced": check},
        }
    )


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return shop(tmp_path_factory.mktemp("faulty"), plays(fault=True))


def test_a_walk_is_the_same_each_time_and_what_looks_remember_is_what_the_walk_earned(
    faulty: Recommender,
) -> None:
    start, end = FAULT - 4 * HOUR, FAULT + 4 * HOUR
    first, second = backtest(faulty, start, end), backtest(faulty, start, end)
    assert first == second
    state, live = State(), list[Finding]()
    for hour in range(1, 9):
        result = run_checks(faulty, start + hour * HOUR, state)
        state = State.model_validate_json(result.state.model_dump_json())
        live += result.findings
    assert live == list(first.findings)
    assert live
    wealth = state.checks["sliced"].wealth
    assert wealth.looks == 8
    assert wealth.found_at == (5,)  # the first hour of the fault; what stands earns nothing more


def test_one_look_without_a_memory_repeats_itself_and_finds_what_the_walk_finds(faulty: Recommender) -> None:
    at = FAULT + 3 * HOUR
    one, again = run_checks(faulty, at), run_checks(faulty, at)
    assert one.findings == again.findings
    assert [f.slice for f in one.findings] == [slice_of(country="Spain")]


def test_a_window_that_is_not_over_is_not_judged(faulty: Recommender) -> None:
    whole = run_checks(faulty, FAULT + 2 * HOUR)
    partial = run_checks(faulty, FAULT + 2 * HOUR + timedelta(minutes=20))
    assert partial.findings == whole.findings


def test_rows_that_come_late_are_waited_for(tmp_path: Path) -> None:
    frame = plays(fault=False)
    now = FAULT + 6 * HOUR
    late = (frame["country"] == "Italy") & (frame["at"] >= now - HOUR) & (frame["at"] < now)
    come = frame[(frame["at"] < now) & ~late]
    assert [f.slice for f in run_checks(shop(tmp_path, come), now).findings] == [slice_of(country="Italy")]
    assert run_checks(shop(tmp_path, come, settle="1h"), now).findings == ()


@pytest.mark.parametrize("window", ["1h", "1d"])
def test_an_evening_an_hour_early_and_a_day_of_23_hours_are_no_findings(tmp_path: Path, window: str) -> None:
    """Viewers live by the local clock: after the change, their evening begins an hour earlier in UTC."""
    frame = plays(fault=False)
    local = frame["at"].dt.tz_convert("Europe/Brussels").dt.hour
    chance = np.random.default_rng(1)
    tv = chance.random(len(frame)) < np.where(local >= 18, 0.7, 0.3)
    it = shop(tmp_path, frame.assign(device=np.where(tv, "tv", "web")), window)
    assert backtest(it, CHANGE - DAY, CHANGE + 2 * DAY).findings == ()
