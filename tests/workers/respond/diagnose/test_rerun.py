"""A kitchen's recommender in a folder, its logged visits run again on the way to a diagnosis."""

import functools
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PolynomialFeatures,
)

from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, Finding, Severity, slice_of
from tests.domain.diagnosis.rerun.kitchen import Kitchen, visits
from workers.declaration.declare import load
from workers.respond.diagnose.diagnose import diagnose, gather
from workers.respond.diagnose.reading import Reader
from workers.respond.resolve.resolve import prepare_menu

AT = datetime(2026, 5, 7, 18, tzinfo=UTC)
ONSET = AT - timedelta(minutes=40)
DECLARED = """
[recommender]
name = "kitchen"
[tables.shelf]
path = "shelf.parquet"
time = "at"
window = "10m"
dimensions = ["cuisine", "app"]
item = "recipe"
[tables.scored]
path = "scored.parquet"
time = "at"
dimensions = ["cuisine", "app", "diet"]
item = "recipe"
[exposure]
shown = "shelf"
chosen = "shelf"
request = "visit"
[models.reader]
path = "reader.skops"
features = ["cuisine", "steps", "calories", "rating_before"]
candidates = "scored"
request = "visit"
item = "recipe"
score = "predicted_minutes"
shown = "listed"
version = "build"
kept = { path = "builds/{version}.skops" }
top = 4
"""
FINDING = Finding(
    check="slices",
    table="shelf",
    slice=slice_of(cuisine="thai"),
    window_start=ONSET,
    window_end=AT,
    observed=20,
    expected=60,
    p_value=1e-7,
    severity=Severity.SEV2,
    title="thai recipes are listed less",
)


@pytest.fixture(scope="module")
def logged() -> pd.DataFrame:
    rows = visits(Kitchen(1), 300, 5)
    minutes = np.linspace(0, 300, 300, endpoint=False)[rows["visit"].str[1:].astype(int)]
    at = pd.Timestamp(AT) - pd.Timedelta(hours=5) + pd.to_timedelta(minutes, unit="min")
    return rows.assign(at=at.astype("datetime64[us, UTC]"), build="r4")


def kitchen(folder: Path, rows: pd.DataFrame, model: object, more: str = "") -> Recommender:
    rows.to_parquet(folder / "scored.parquet")
    rows[rows["listed"]].to_parquet(folder / "shelf.parquet")
    skops.io.dump(model, folder / "reader.skops")
    (folder / "recsysops.toml").write_text(DECLARED + more)
    return load(folder / "recsysops.toml")


def said(found: Diagnosis) -> str:
    return "\n".join(line.statement for line in found.evidence)


def test_serving_that_takes_minutes_off_a_cuisine_is_sized_in_the_diagnosis(
    logged: pd.DataFrame, tmp_path: Path
) -> None:
    hit = (logged["cuisine"] == "thai") & (logged["at"] >= pd.Timestamp(ONSET))
    rows = logged.assign(predicted_minutes=logged["predicted_minutes"] - 9.0 * hit)
    material, _ = gather(Reader(kitchen(tmp_path, rows, Kitchen(1).estimator), FINDING, AT))
    assert material.rerun is not None
    serving = material.rerun.of("serving")
    assert [(one.where, one.is_new) for one in serving] == [(slice_of(cuisine="thai"), True)]
    assert serving[0].size == pytest.approx(-9.0)
    assert material.model is not None
    assert "serving changed the score" in said(diagnose(load(tmp_path / "recsysops.toml"), FINDING, AT))


def test_a_wrong_model_file_is_refused_for_all_that_rests_on_it(logged: pd.DataFrame, tmp_path: Path) -> None:
    recommender = kitchen(tmp_path, logged, Kitchen(2).estimator)
    found = diagnose(recommender, FINDING, AT)
    assert "The model file is not the one that scored the log" in said(found)
    assert "attribution" not in {line.kind for line in found.evidence}
    assert "of the gap" not in said(found)
    menu = prepare_menu(recommender, FINDING, found, "incident-1", AT)
    assert "another model scored what was logged" in menu.note


def test_a_kept_former_version_runs_what_it_scored(logged: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "builds").mkdir()
    skops.io.dump(Kitchen(1).estimator, tmp_path / "builds" / "r4.skops")
    material, _ = gather(Reader(kitchen(tmp_path, logged, Kitchen(2).estimator), FINDING, AT))
    assert material.rerun is not None
    assert material.rerun.identical == material.rerun.requests > 0
    assert material.rerun.versions == ("r4",)


def test_a_file_of_another_digest_is_not_opened_and_the_rest_goes_on(
    logged: pd.DataFrame, tmp_path: Path
) -> None:
    declared = f'digest = "{hashlib.sha256(b"another").hexdigest()}"\n'
    found = diagnose(kitchen(tmp_path, logged, Kitchen(1).estimator, declared), FINDING, AT)
    assert "is another file than is declared (SHA-256" in said(found)
    assert "slices" in {line.kind for line in found.evidence}


def test_a_file_that_would_run_code_is_refused_in_words_and_nothing_of_it_runs(
    logged: pd.DataFrame, tmp_path: Path
) -> None:
    harm = FunctionTransformer(functools.partial(os.mkdir, str(tmp_path / "harm")))
    found = diagnose(kitchen(tmp_path, logged, harm), FINDING, AT)
    assert "The model could not be loaded" in said(found)
    assert "holds types that are not trusted and was not opened: functools.partial" in said(found)
    assert not (tmp_path / "harm").exists()


def test_a_model_that_wants_too_much_memory_is_a_line_and_the_rest_goes_on(
    logged: pd.DataFrame, tmp_path: Path
) -> None:
    all_products = PolynomialFeatures(50).fit(np.zeros((2, 4)))
    huge = make_pipeline(all_products, Ridge().fit(np.zeros((2, 1)), [0.0, 1.0]))
    rows = logged.assign(cuisine=logged["recipe"] % 7, rating_before=1.0)
    found = diagnose(kitchen(tmp_path, rows, huge, "memory_mb = 100\n"), FINDING, AT)
    assert "it wanted more memory than it may have (100 MB)" in said(found)
    assert "slices" in {line.kind for line in found.evidence}


def test_visits_that_the_shelf_lacks_are_named_by_app(logged: pd.DataFrame, tmp_path: Path) -> None:
    recommender = kitchen(tmp_path, logged, Kitchen(1).estimator)
    lost = (logged["app"] == "kiosk") & (logged["at"] >= pd.Timestamp(ONSET))
    logged[logged["listed"] & ~lost].to_parquet(tmp_path / "shelf.parquet")
    material, _ = gather(Reader(recommender, FINDING, AT))
    assert material.rerun is not None
    assert [(one.where, one.column) for one in material.rerun.of("logging")] == [
        (slice_of(app="kiosk"), "shelf")
    ]
