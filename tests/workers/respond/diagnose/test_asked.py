"""The search asks what the check asked: a ratio as a ratio, a day by the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.onset import find_onset
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity, Slice, slice_of
from workers.declaration.declare import load
from workers.respond.diagnose.diagnose import diagnose
from workers.respond.diagnose.reading import Reader

NOON = datetime(2026, 9, 16, 12, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
DECLARED = """
[recommender]
name = "magazine"
[tables.visits]
path = "visits.parquet"
time = "visited_at"
window = "1h"
dimensions = ["country", "device"]
[checks.conversion]
kind = "slice_volume"
table = "visits"
aggregate = "mean"
measure = "converted"
history = "3d"
[checks.minutes]
kind = "volume"
table = "visits"
measure = "minutes"
window = "1d"
history = "28d"
"""


def visits(days: int, a_day: int) -> pd.DataFrame:
    """Visits that come by day more than by night, one in ten of which converts."""
    chance = np.random.default_rng(21)
    count = days * a_day
    hours = chance.uniform(0, 24 * days, count)
    by_day = chance.random(count) < 0.6 + 0.4 * np.sin(2 * np.pi * (hours % 24 - 9) / 24)
    times = pd.Timestamp(NOON) - pd.Timedelta(days=days) + pd.to_timedelta(np.sort(hours[by_day]), unit="h")
    count = len(times)
    return pd.DataFrame(
        {
            "visited_at": times.astype("datetime64[us, UTC]"),
            "country": chance.choice(["Italy", "Spain", "Norway"], count),
            "device": chance.choice(["phone", "desktop"], count),
            "converted": (chance.random(count) < 0.1).astype(float),
            "minutes": chance.gamma(2.0, 3.0, count),
        }
    )


def declared(folder: Path, rows: pd.DataFrame) -> Recommender:
    rows.to_parquet(folder / "visits.parquet")
    (folder / "recsysops.toml").write_text(DECLARED)
    return load(folder / "recsysops.toml")


def by_the_quarter(folder: Path, rows: pd.DataFrame) -> Recommender:
    rows["visited_at"] = rows["visited_at"].astype("datetime64[us, UTC]")
    recommender = declared(folder, rows)
    table = recommender.tables["visits"].model_copy(update={"window": timedelta(minutes=15)})
    return recommender.model_copy(update={"tables": {"visits": table}})


def finding(check: str, where: Slice, length: timedelta, observed: float, expected: float) -> Finding:
    return Finding(
        check=check, table="visits", slice=where, window_start=NOON - length, window_end=NOON,
        observed=observed, expected=expected, p_value=1e-9, severity=Severity.SEV2, title="off",
    )  # fmt: skip


def mailed(folder: Path) -> Reader:
    """Half an hour in which a mailing is opened, as each day at this time, and Italy is called IT."""
    chance = np.random.default_rng(23)
    days = []
    for back in range(3):
        noon = pd.Timestamp(NOON) - pd.Timedelta(days=back)
        start = noon - pd.Timedelta(minutes=30)
        web = noon - pd.to_timedelta(chance.uniform(0, 180, 1_800), "min")
        mail = start + pd.to_timedelta(chance.uniform(0, 30, 1_500), "min")
        device = ["web"] * len(web) + ["mail"] * len(mail)
        frame = pd.DataFrame({"visited_at": [*web, *mail], "device": device})
        frame["country"] = np.where(
            frame["device"] == "mail", chance.choice(["Italy", "Spain"], len(frame)), "Spain"
        )
        late = (frame["visited_at"] >= start) & (back == 0)
        days.append(frame.assign(country=frame["country"].mask(late & (frame["country"] == "Italy"), "IT")))
    short = by_the_quarter(folder, pd.concat(days).assign(converted=0.0, minutes=1.0))
    about = finding("by_slice", slice_of(country="Italy"), timedelta(minutes=15), 0.0, 375.0)
    return Reader(short, about, NOON)


def test_slices_are_held_against_the_same_time_of_a_day_before_where_that_is_more_like_now(
    tmp_path: Path,
) -> None:
    cells, _ = mailed(tmp_path).cells(NOON - timedelta(minutes=30)) or (None, ())
    assert cells is not None
    sums = cells.groupby("device")[["observed", "expected"]].sum()
    assert sums.loc["mail", "expected"] == pytest.approx(sums.loc["mail", "observed"], rel=0.15)
    by_country = cells.groupby("country")[["observed", "expected"]].sum()
    assert by_country.loc["Italy", "expected"] == pytest.approx(by_country.loc["IT", "observed"], rel=0.15)
    assert by_country.loc["IT", "expected"] == 0


def unlogged(folder: Path) -> Reader:
    """Half an hour in which the app logs nothing, and a mailing is opened, as each day at this time."""
    chance, days = np.random.default_rng(29), []
    for back in range(3):
        noon = pd.Timestamp(NOON) - pd.Timedelta(days=back)
        start = noon - pd.Timedelta(minutes=30)
        steady = noon - pd.to_timedelta(chance.uniform(0, 180, 3_600), "min")
        mail = start + pd.to_timedelta(chance.uniform(0, 30, 900), "min")
        device = [*chance.choice(["web", "app"], len(steady)), *["mail"] * len(mail)]
        frame = pd.DataFrame({"visited_at": [*steady, *mail], "device": device})
        lost = (frame["device"] == "app") & (frame["visited_at"] >= start) & (back == 0)
        days.append(frame[~lost])
    rows = pd.concat(days).assign(converted=0.0, minutes=1.0)
    rows["country"] = chance.choice(["Italy", "Spain"], len(rows))
    about = finding("by_slice", slice_of(device="app"), timedelta(minutes=15), 0.0, 150.0)
    return Reader(by_the_quarter(folder, rows), about, NOON)


def test_what_other_values_of_the_same_dimension_do_each_day_is_expected(tmp_path: Path) -> None:
    cells, _ = unlogged(tmp_path).cells(NOON - timedelta(minutes=30)) or (None, ())
    assert cells is not None
    sums = cells.groupby("device")[["observed", "expected"]].sum()
    assert sums.loc["mail", "expected"] == pytest.approx(900, rel=0.15)
    assert sums.loc["app", "expected"] == pytest.approx(300, rel=0.15)


@pytest.fixture(scope="module")
def worse_in_italy(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """Italy converts 61 % less for two hours, and half of the desks stay away, which changes no rate."""
    rows = visits(3, 200_000)
    late = rows["visited_at"] >= pd.Timestamp(NOON - timedelta(hours=2))
    chance = np.random.default_rng(22)
    lost = late & (rows["country"] == "Italy") & (chance.random(len(rows)) < 0.61)
    rows["converted"] = rows["converted"].mask(lost, 0.0)
    away = late & (rows["device"] == "desktop") & (chance.random(len(rows)) < 0.5)
    return declared(tmp_path_factory.mktemp("magazine"), rows[~away])


def test_a_conversion_rate_is_searched_as_a_rate_and_not_by_rows(worse_in_italy: Recommender) -> None:
    whole = finding("conversion", (), timedelta(hours=1), 0.08, 0.1)
    found = diagnose(worse_in_italy, whole, NOON)
    assert found.slices == (slice_of(country="Italy"),)
    assert not [one for one in found.evidence if "could not be" in one.statement]


def test_the_onset_of_a_rate_is_that_of_the_rate(worse_in_italy: Recommender) -> None:
    italy = finding("conversion", slice_of(country="Italy"), timedelta(hours=1), 0.039, 0.1)
    found = diagnose(worse_in_italy, italy, NOON)
    assert found.since is not None
    assert abs(found.since - (NOON - timedelta(hours=2))) <= timedelta(minutes=30)


def sold(folder: Path, beat: str) -> Reader:
    """Visits of which half stay away since twenty-five minutes before noon, looked at by half hours."""
    rows = visits(2, 60_000)
    late = rows["visited_at"] >= pd.Timestamp(NOON - timedelta(minutes=25))
    rows = rows[~late | (np.arange(len(rows)) % 2 == 0)]
    rows["visited_at"] = rows["visited_at"].dt.floor(beat)
    recommender = declared(folder, rows)
    table = recommender.tables["visits"].model_copy(update={"window": HALF_HOUR})
    short = recommender.model_copy(update={"tables": {"visits": table}})
    return Reader(short, finding("by_slice", (), HALF_HOUR, 600.0, 1_000.0), NOON)


@pytest.mark.parametrize(("beat", "within"), [("1us", timedelta(minutes=5)), ("15min", HALF_HOUR)])
def test_a_window_of_half_an_hour_has_an_onset_within_it_unless_rows_come_by_the_quarter(
    tmp_path: Path, beat: str, within: timedelta
) -> None:
    series = sold(tmp_path, beat).series()
    assert series is not None
    onset = find_onset(series, -0.4)
    assert onset is not None
    assert abs(onset.since - (NOON - timedelta(minutes=25))) <= within


def test_a_window_of_a_day_has_an_onset_by_the_hour_and_cells_of_the_same_hours(tmp_path: Path) -> None:
    rows = visits(29, 6_000)
    late = rows["visited_at"] >= pd.Timestamp(NOON - timedelta(hours=9))
    spanish = late & (rows["country"] == "Spain")
    rows["minutes"] = rows["minutes"].mask(spanish, 0.0)
    recommender = declared(tmp_path, rows)
    day = finding("minutes", (), timedelta(days=1), 14_000.0, 18_000.0)
    reader = Reader(recommender, day, NOON)
    series = reader.series()
    assert series is not None
    onset = find_onset(series, day.change)
    assert onset is not None
    assert abs(onset.since - (NOON - timedelta(hours=9))) <= timedelta(hours=2)
    cells = reader.cells(onset.since)
    assert cells is not None
    sums = cells[0].groupby("country")[["observed", "expected"]].sum()
    off = sums["observed"] / sums["expected"] - 1
    assert off["Spain"] < -0.8
    assert off.drop("Spain").abs().max() < 0.2
    assert diagnose(recommender, day, NOON).slices == (slice_of(country="Spain"),)
