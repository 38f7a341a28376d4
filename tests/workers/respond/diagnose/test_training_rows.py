"""What trainings took from a table they learn from: each training counted, or windows where it flows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.changes.trained.labels import labels_off
from domain.diagnosis.changes.trained.segment import segment_off
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Finding, Severity, slice_of
from workers.respond.diagnose.reading import Reader
from workers.respond.diagnose.training_rows import TRAININGS, training_rows_of

NIGHT = datetime(2026, 4, 7, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def declared(folder: Path, frame: pd.DataFrame) -> Recommender:
    frame.to_parquet(folder / "lessons.parquet", coerce_timestamps="us", allow_truncated_timestamps=True)
    tables = {
        "shown": {"name": "shown", "path": str(folder / "shown.parquet"), "time": "at"},
        "lessons": {
            **{"name": "lessons", "path": str(folder / "lessons.parquet"), "time": "at", "window": "1d"},
            "dimensions": ("device",),
            "label": "bought" if "bought" in frame else None,
        },
    }
    model = {"name": "ranker", "path": "m", "features": ("age",), "candidates": "shown"}
    models = {"ranker": {**model, "learned_from": ("lessons",)}}
    return Recommender.model_validate(
        {"name": "t", "folder": str(folder), "tables": tables, "models": models}
    )


def rows(at: datetime, web: int) -> pd.DataFrame:
    return pd.DataFrame({"at": at, "device": ["app"] * 500 + ["web"] * web})


def reader(recommender: Recommender, at: datetime) -> Reader:
    finding = Finding(
        check="c", table="shown", window_start=at - timedelta(minutes=5), window_end=at, observed=1.0,
        expected=2.0, p_value=1e-6, severity=Severity.SEV2, title="shown: fewer rows",
    )  # fmt: skip
    return Reader(recommender, finding, at)


def test_each_night_is_a_training_and_the_newest_is_the_one_before_the_onset(tmp_path: Path) -> None:
    nights = [rows(NIGHT - n * DAY, 300) for n in range(1, 9)]
    after = rows(NIGHT + timedelta(hours=6), 9_000)
    recommender = declared(tmp_path, pd.concat([*nights, rows(NIGHT, 2_400), after]))
    (found,) = training_rows_of(
        reader(recommender, NIGHT + timedelta(minutes=10)), NIGHT + timedelta(minutes=6)
    )
    assert (found.table, found.at, found.dimensions) == ("lessons", NIGHT, ("device",))
    assert found.counts["training"].nunique() == TRAININGS
    off = segment_off(found)
    assert off is not None
    assert (off.slice, off.rows, off.usual) == (slice_of(device="web"), 2_400.0, 300.0)


@pytest.mark.parametrize(("days_before", "tables"), [(0, ["lessons"]), (3, [])])
def test_a_run_learned_from_what_was_taken_when_it_was_and_not_days_before(
    days_before: int, tables: list[str], tmp_path: Path
) -> None:
    nights = [rows(NIGHT - (days_before + n) * DAY, 300) for n in range(5)]
    recommender = declared(tmp_path, pd.concat(nights))
    check = Check(name="c", kind="training", table="runs", options={"columns": ["auc"]})
    runs = Table(name="runs", path=str(tmp_path / "runs.parquet"), time="at")
    recommender = recommender.model_copy(
        update={"checks": {"c": check}, "tables": {**recommender.tables, "runs": runs}}
    )
    asked = reader(recommender, NIGHT + timedelta(minutes=20))
    asked.finding = asked.finding.model_copy(update={"table": "runs", "window_start": NIGHT})
    assert [one.table for one in training_rows_of(asked, NIGHT)] == tables


def test_of_a_table_that_is_written_all_the_time_its_windows_are_held_against_each_other(
    tmp_path: Path,
) -> None:
    chance = np.random.default_rng(1)
    ago = chance.uniform(0, 8, 8_000)
    device = np.where((ago < 1) | (chance.random(8_000) < 0.6), "app", "web")
    frame = pd.DataFrame({"at": pd.Timestamp(NIGHT) - pd.to_timedelta(ago, unit="D"), "device": device})
    (found,) = training_rows_of(reader(declared(tmp_path, frame), NIGHT), NIGHT - timedelta(minutes=5))
    assert found.at == NIGHT - DAY
    off = segment_off(found)
    assert off is not None
    assert off.slice == slice_of(device="web")
    assert off.rows == 0


@pytest.mark.parametrize("kind", ["bool", "int64", "Float64"])
def test_the_labels_of_a_training_are_counted_whatever_they_are_written_as(kind: str, tmp_path: Path) -> None:
    nights = [rows(NIGHT - n * DAY, 300) for n in range(4)]
    for n, night in enumerate(nights):
        bought = (np.arange(len(night)) % 5 == 0) & ~((night["device"] == "web") & (n == 0))
        night["bought"] = bought.astype(kind)
    if kind == "Float64":
        nights[2].loc[1, "bought"] = None
    at = NIGHT + timedelta(minutes=10)
    (found,) = training_rows_of(reader(declared(tmp_path, pd.concat(nights)), at), NIGHT)
    off = labels_off(found)
    assert off is not None
    assert off.slice == slice_of(device="web")
    assert found.counts.set_index(["training", "device"])["labelled"][0].to_dict() == {"app": 100, "web": 0}
