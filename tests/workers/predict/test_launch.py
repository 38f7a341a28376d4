"""The launch calendar read from a file: predicted, measured again, scored."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from domain.errors import SourceError, TooFewRows
from domain.prediction.launch import Forecast
from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, Finding
from tests.domain.prediction.test_launch import AT, calendar
from workers.declaration.declare import load
from workers.predict.launch import forecast, forecasts, measure_launch, measured, score
from workers.respond.diagnose.diagnose import diagnose
from workers.respond.resolve.resolve import prepare_menu

DECLARED = """
[recommender]
name = "small"
[tables.prelaunch]
path = "prelaunch.parquet"
time = "snapshot_at"
item = "film_id"
[tables.films]
path = "films.parquet"
key = "film_id"
[items]
table = "films"
key = "film_id"
title = "title"
features = ["genre"]
[launches]
table = "prelaunch"
snapshot = "snapshot_at"
launch = "launch_at"
item = "film_id"
features = ["genre", "language", "popularity", "dry_run_share"]
outcome = "first_day"
[checks.launches]
kind = "launch_forecast"
[hotfixes.fill_language]
kind = "fill_feature"
label = "Fill in the language"
causes = ["feature", "launch"]
feature = "language"
deployer = "overrides"
[deployers.overrides]
kind = "file"
path = "overrides.json"
"""


def declared(folder: Path, rows: pd.DataFrame) -> Recommender:
    for name in ("snapshot_at", "launch_at"):
        rows = rows.assign(**{name: pd.to_datetime(rows[name], utc=True).astype("datetime64[us, UTC]")})
    rows = rows.rename(columns={"item_id": "film_id"})
    rows.to_parquet(folder / "prelaunch.parquet")
    films = rows[["film_id", "genre"]].drop_duplicates("film_id")
    films.assign(title="Title of " + films["film_id"]).to_parquet(folder / "films.parquet")
    (folder / "recsysops.toml").write_text(DECLARED)
    return load(folder / "recsysops.toml")


def test_a_forecast_is_the_same_in_whatever_order_the_calendar_is_written(tmp_path: Path) -> None:
    rows = calendar(seed=3)
    rows = rows.assign(snapshot_at=rows["snapshot_at"].dt.floor("D"))  # many at once, as they are taken
    once = forecasts(declared(tmp_path, rows), AT)
    again = forecasts(declared(tmp_path, rows.sample(frac=1, random_state=1)), AT)
    assert once == again


@pytest.fixture(scope="module")
def recommender(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return declared(tmp_path_factory.mktemp("launches"), calendar(faulty=(3,)))


@pytest.fixture(scope="module")
def finding(recommender: Recommender) -> Finding:
    (found,) = forecast(recommender, AT)
    return found


def test_the_missed_launch_is_found_in_the_file_with_its_title_and_check(finding: Finding) -> None:
    assert (finding.subject, finding.check, finding.table) == ("film-153", "launches", "prelaunch")
    assert finding.title.startswith("“Title of film-153” launches in ")
    assert "comparable films had" in finding.title


def test_its_diagnosis_names_the_unset_language_and_the_menu_promises_by_forecast(
    recommender: Recommender, finding: Finding
) -> None:
    drawn: list[bytes] = []

    def keep(picture: bytes) -> str:
        drawn.append(picture)
        return "kept"

    found = diagnose(recommender, finding, AT, keep=keep)
    assert found.picture == "kept"
    assert drawn[0].startswith(b"\x89PNG")
    assert (found.cause_kind, found.feature, found.items) == ("feature", "language", ("film-153",))
    assert found.suggested_value in {"French", "Danish"}
    menu = prepare_menu(recommender, finding, found, "incident-1", AT)
    fill = next(option for option in menu.options if option.hotfix == "fill_language")
    assert fill.repairs.value is not None
    assert fill.repairs.value > 50
    assert "first-day impressions instead of" in fill.repairs.basis
    assert fill.parameters["items"] == ["film-153"]


def test_a_fixed_launch_measures_as_comparable_ones(
    recommender: Recommender, finding: Finding, tmp_path: Path
) -> None:
    ill = measure_launch(recommender, finding, AT)
    assert not ill.within
    rows = calendar(faulty=(3,))
    later = rows[rows["item_id"] == "film-153"].assign(
        snapshot_at=pd.Timestamp(AT) + pd.Timedelta(hours=1), language="French", dry_run_share=0.05
    )
    fixed = declared(tmp_path, pd.concat([rows, later], ignore_index=True))
    well = measure_launch(fixed, finding, AT + timedelta(hours=2))
    assert well.observed > 3 * ill.observed
    assert well.repaired(finding) > 0.5


@pytest.mark.parametrize(("value", "repaired"), [(20_000.0, False), (61_000.0, True), (200_000.0, True)])
def test_a_launch_is_repaired_by_as_much_as_comparable_ones_have_and_by_more(
    value: float, repaired: bool
) -> None:
    seen = Forecast(
        item="f",
        launch_at=AT + timedelta(days=10),
        value=value,
        low=0.8 * value,
        high=1.2 * value,
        comparable=60_000.0,
        comparables=(),
        suspects=(),
        p_value=0.5,
        at_most=value,
    )
    assert measured(seen).within == repaired


def test_the_prediction_is_scored_once_the_day_is_over_and_known(finding: Finding, tmp_path: Path) -> None:
    rows = calendar(faulty=(3,))
    recommender = declared(tmp_path, rows)
    after = finding.window_end + timedelta(hours=1)
    assert score(recommender, finding, AT) is None
    assert score(recommender, finding, after) is None
    rows.loc[rows["item_id"] == "film-153", "first_day"] = 37.0
    known = score(declared(tmp_path, rows), finding, after)
    assert known is not None
    assert (known.observed, known.forecast) == (37.0, finding.observed)


def test_a_calendar_that_is_too_short_or_an_item_that_is_gone_is_said(
    recommender: Recommender, finding: Finding, tmp_path: Path
) -> None:
    with pytest.raises(TooFewRows, match="past launches"):
        forecast(declared(tmp_path, calendar(past=5)), AT)
    with pytest.raises(SourceError, match="not an upcoming launch"):
        measure_launch(recommender, finding.model_copy(update={"subject": "film-0"}), AT)
    menu = prepare_menu(recommender, finding, Diagnosis(cause=None), "incident-1", AT)
    assert "No declared hotfix fits" in menu.note


def test_launches_that_were_incidents_teach_nothing_unless_too_few_others_are_left(
    tmp_path: Path, recommender: Recommender
) -> None:
    def comparable(suspects: frozenset[str]) -> float:
        every = forecasts(recommender, AT, suspects)
        return next(one for one in every if one.item == "film-153").comparable

    film = "film-{}".format
    everybody = comparable(frozenset())
    assert comparable(frozenset(map(film, range(0, 60)))) != everybody
    assert comparable(frozenset(map(film, range(150)))) == everybody
