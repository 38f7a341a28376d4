"""Logged requests run again: identical to the bit, or the step that differs with its place and size."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.replay import CandidateColumns
from domain.diagnosis.report.rerun import report_rerun
from domain.diagnosis.rerun.presence import Presence
from domain.diagnosis.rerun.rerun import CURRENT, Logged, Models, rerun
from domain.diagnosis.rerun.values import Rerun
from domain.errors import TooFewRows
from domain.values import Finding, Severity, Slice, slice_of
from tests.domain.diagnosis.rerun.kitchen import COLUMNS, DIMENSIONS, Kitchen, visits

CLOSE = 1e-9
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def model() -> Kitchen:
    return Kitchen(1)


@pytest.fixture(scope="module")
def healthy(model: Kitchen) -> pd.DataFrame:
    return visits(model, 120, 5)


def run(rows: pd.DataFrame, model: Kitchen, before: pd.DataFrame | None = None) -> Rerun:
    return rerun(Logged(rows, COLUMNS, DIMENSIONS, before=before), Models({"now": model}, "now"))


@pytest.mark.parametrize("width", [np.float64, np.float32])
def test_a_healthy_log_is_the_same_to_the_bit(model: Kitchen, width: npt.DTypeLike) -> None:
    found = run(visits(model, 60, 8, width), model)
    assert (found.requests, found.identical, found.differences) == (60, 60, ())
    assert found.refused is None


def test_scores_logged_with_three_decimals_are_the_same_with_three_decimals(
    model: Kitchen, healthy: pd.DataFrame
) -> None:
    found = run(healthy.assign(predicted_minutes=healthy["predicted_minutes"].round(3)), model)
    assert (found.identical, found.differences) == (120, ())
    assert "rounded to 3 decimals" in found.reading


def test_what_serving_takes_off_one_cuisine_in_one_app_is_found_there_with_its_size(
    model: Kitchen, healthy: pd.DataFrame
) -> None:
    hit = (healthy["cuisine"] == "thai") & (healthy["app"] == "kiosk")
    rows = healthy.assign(predicted_minutes=healthy["predicted_minutes"] - 6.5 * hit)
    found = run(rows, model, before=healthy)
    serving = found.of("serving")
    assert [one.where for one in serving] == [slice_of(app="kiosk", cuisine="thai")]
    assert serving[0].size == pytest.approx(-6.5, abs=CLOSE)
    assert serving[0].differing == hit.sum()
    assert serving[0].before == 0.0
    assert serving[0].is_new
    assert found.refused is None
    assert not found.of("model")


def test_an_adjustment_that_was_always_there_is_not_new(model: Kitchen, healthy: pd.DataFrame) -> None:
    rows = healthy.assign(predicted_minutes=healthy["predicted_minutes"] + 2.0 * (healthy["diet"] == "vegan"))
    half = rows["visit"].isin(rows["visit"].unique()[:60])
    serving = run(rows[half], model, before=rows[~half]).of("serving")
    assert [one.where for one in serving] == [slice_of(diet="vegan")]
    assert not serving[0].is_new


def test_recipes_that_are_boosted_by_name_are_named(model: Kitchen, healthy: pd.DataFrame) -> None:
    chosen = healthy["recipe"].value_counts().index[:3]
    hit = healthy["recipe"].isin(chosen)
    found = run(healthy.assign(predicted_minutes=healthy["predicted_minutes"] + 30.0 * hit), model)
    assert set(found.of("serving")[0].items) == {str(one) for one in chosen}
    assert found.of("serving")[0].where is None


def test_one_constant_for_all_is_serving_and_not_another_model(model: Kitchen, healthy: pd.DataFrame) -> None:
    found = run(healthy.assign(predicted_minutes=healthy["predicted_minutes"] - 3.0), model)
    assert [one.step for one in found.differences] == ["serving"]
    assert found.differences[0].size == pytest.approx(-3.0, abs=CLOSE)
    assert found.refused is None


def test_another_model_file_is_refused_with_how_far_its_scores_are_off(healthy: pd.DataFrame) -> None:
    found = run(healthy, Kitchen(2))
    assert found.refused is not None
    assert "are not those of the model file" in found.refused
    assert [one.step for one in found.differences] == ["model"]
    assert found.differences[0].low < found.differences[0].size < found.differences[0].high


def test_a_version_that_another_one_scored_is_named(model: Kitchen, healthy: pd.DataFrame) -> None:
    older = Kitchen(2)
    phone = healthy["app"] == "ios"
    rows = healthy.assign(
        build=np.where(phone, "r8", "r9"),
        predicted_minutes=np.where(phone, older.score(healthy), healthy["predicted_minutes"]),
    )
    logged = Logged(rows.assign(build="r9"), COLUMNS, DIMENSIONS, version="build")
    assert (
        rerun(
            Logged(rows, COLUMNS, DIMENSIONS, version="build"), Models({"r9": model, "r8": older}, "r9")
        ).differences
        == ()
    )
    mixed = rerun(logged, Models({"r9": model, "r8": older}, "r9"))
    assert [one.where for one in mixed.differences] == [slice_of(app="ios")]
    missing = rerun(Logged(rows, COLUMNS, DIMENSIONS, version="build"), Models({"r9": model}, "r9"))
    assert [(one.step, one.version) for one in missing.differences] == [("model", "r8")]
    assert missing.refused is None
    assert missing.versions == ("r9",)


def said(found: Rerun) -> list[str]:
    """What is reported of it."""
    finding = Finding(
        check="reads", table="reads", window_start=NOON - timedelta(hours=1), window_end=NOON, observed=10,
        expected=40, p_value=1e-9, severity=Severity.SEV2, title="fewer reads",
    )  # fmt: skip
    known = Known()
    report_rerun(Material(finding=finding, rerun=found), known, 0)
    return [one.statement for one in known.evidence]


def of_two_builds(now: Kitchen, then: Kitchen, visits_of_old: int) -> pd.DataFrame:
    """A log whose first visits build r8 scored, and the others r9."""
    rows = visits(now, 80, 9)
    old = rows["visit"].isin(rows["visit"].unique()[:visits_of_old])
    scores = np.where(old, then.score(rows), rows["predicted_minutes"])
    return rows.assign(build=np.where(old, "r8", "r9"), predicted_minutes=scores)


def test_that_a_former_version_scored_part_of_the_log_is_no_difference_where_its_file_is_not_kept(
    model: Kitchen,
) -> None:
    rows, past = of_two_builds(model, Kitchen(2), 30), of_two_builds(model, Kitchen(2), 80)
    for name in ("r9", CURRENT):
        logged = Logged(rows, COLUMNS, DIMENSIONS, version="build", before=past)
        found = rerun(logged, Models({name: model}, name))
        assert [(one.version, one.unkept, one.is_new) for one in found.of("model")] == [("r8", True, False)]
        assert said(found) == [
            "50 of 80 logged requests, run again, reproduce their logged scores bit for bit; 30 are of r8, "
            "of which no file is kept"
        ]


def test_a_version_without_a_file_that_scores_only_since_it_began_is_reported_as_such(
    model: Kitchen,
) -> None:
    rows, past = of_two_builds(model, Kitchen(2), 30), of_two_builds(model, Kitchen(2), 0)
    logged = Logged(rows, COLUMNS, DIMENSIONS, version="build", before=past)
    found = rerun(logged, Models({"r9": model}, "r9"))
    assert [one.is_new for one in found.of("model")] == [True]
    assert said(found) == [
        "The 360 scores logged as scored by r8 cannot be computed again: its file is not kept, and the one "
        "at hand gives others"
    ]


def test_where_no_version_fits_a_file_of_which_nothing_is_known_it_is_the_file_that_is_in_doubt(
    model: Kitchen,
) -> None:
    rows = of_two_builds(model, Kitchen(2), 80)
    found = rerun(Logged(rows, COLUMNS, DIMENSIONS, version="build"), Models({CURRENT: model}, CURRENT))
    assert found.refused is not None
    assert "are not those of the model file" in found.refused


def test_a_feature_logged_otherwise_than_the_store_held_it_is_named_with_its_scale(
    model: Kitchen, healthy: pd.DataFrame
) -> None:
    held = healthy[["steps", "calories", "cuisine"]].copy()
    hit = healthy["cuisine"] == "basque"
    rows = healthy.assign(steps=np.where(hit, healthy["steps"] * 10, healthy["steps"]))
    rows["predicted_minutes"] = model.score(rows)
    found = rerun(Logged(rows, COLUMNS, DIMENSIONS, held=held), Models({"now": model}, "now"))
    features = found.of("features")
    assert [(one.column, one.where) for one in features] == [("steps", slice_of(cuisine="basque"))]
    assert "10 times as much" in features[0].words
    assert features[0].low < features[0].size < features[0].high


def test_a_stale_text_is_distinguished_from_another_one(model: Kitchen, healthy: pd.DataFrame) -> None:
    held = healthy[["cuisine"]].replace({"cuisine": {"georgian": "caucasian"}})
    found = rerun(
        Logged(healthy, COLUMNS, DIMENSIONS, held=held, held_earlier=healthy[["cuisine"]]),
        Models({"now": model}, "now"),
    )
    assert [one.column for one in found.of("features")] == ["cuisine"]
    assert "as the store held it before, in 100 % of them" in found.of("features")[0].words


def test_a_filter_between_score_and_shelf_is_found_by_what_was_shown(model: Kitchen) -> None:
    rows = visits(model, 300, 9)
    hit = (rows["diet"] == "vegan") & (rows["app"] == "ios")
    ranked = rows["predicted_minutes"].where(~hit, -1e9).groupby(rows["visit"]).rank(ascending=False)
    found = run(rows.assign(listed=ranked <= COLUMNS.top), model)
    assert [one.where for one in found.of("ranking")] == [slice_of(app="ios", diet="vegan")]
    assert found.of("ranking")[0].size == -1.0
    assert -1.0 < found.of("ranking")[0].high < -0.8
    assert not found.of("serving")


def test_what_was_shown_more_than_its_rank_says_before_too_is_not_reported(model: Kitchen) -> None:
    rows = visits(model, 600, 9)
    first = rows["visit"].isin(rows["visit"].unique()[:300])
    liked = rows["predicted_minutes"] + 400.0 * (rows["cuisine"] == "thai")

    def listed(scores: pd.Series) -> pd.DataFrame:
        return rows.assign(listed=scores.groupby(rows["visit"]).rank(ascending=False) <= COLUMNS.top)

    always, never = listed(liked), listed(rows["predicted_minutes"])
    assert run(always[~first], model, before=always[first]).of("ranking") == ()
    assert run(always[~first], model, before=never[first]).of("ranking")


def explored(rows: pd.DataFrame, seed: int, blocked: pd.Series | None = None) -> pd.DataFrame:
    """
    Lists the first four of a race of the scores, so that others are tried out, and logs the chances; what is
    `blocked` only afterwards has its chance and is not listed.
    """
    chance = np.random.default_rng(seed)
    speed = np.exp(rows["predicted_minutes"].to_numpy() / 30.0).reshape(-1, 12)
    clocks = chance.exponential(1.0, (500, *speed.shape)) / speed
    likely = (clocks.argsort(axis=2).argsort(axis=2) < COLUMNS.top).mean(axis=0).ravel()
    if blocked is not None:
        clocks = clocks[:1] + 1e9 * blocked.to_numpy().reshape(-1, 12)
    listed = clocks[0].argsort(axis=1).argsort(axis=1) < COLUMNS.top
    return rows.assign(listed=listed.ravel(), likely=likely)


def test_what_scores_far_above_the_others_is_listed_as_often_as_it_should_be(model: Kitchen) -> None:
    """A feature lifts one cuisine: its ranks are those of others before it, its lead over the next is not."""
    columns = replace(COLUMNS, propensity="likely")
    before, rows = explored(visits(model, 900, 9), 1), visits(model, 900, 10)
    lifted = rows["cuisine"] == "georgian"
    rows = rows.assign(steps=rows["steps"].mask(lifted, rows["steps"] + 120.0))
    rows = rows.assign(predicted_minutes=model.score(rows))
    now = explored(rows, 2)
    models = Models({"now": model}, "now")

    def ranking(listed: pd.DataFrame, by: CandidateColumns) -> list[Slice | None]:
        found = rerun(Logged(listed, by, DIMENSIONS, before=before), models)
        return [one.where for one in found.of("ranking")]

    assert ranking(now, columns) == []
    assert ranking(now, COLUMNS) == [slice_of(cuisine="georgian")]  # by ranks alone nobody can tell
    vegan = explored(rows, 2, blocked=(rows["diet"] == "vegan") & (rows["app"] == "ios"))
    assert ranking(vegan, columns)[0] == slice_of(app="ios", diet="vegan")


def test_requests_that_one_table_has_and_another_lacks_are_reported_by_slice() -> None:
    cells = pd.DataFrame(
        {
            "app": ["ios", "android", "kiosk"],
            "requests": [900, 800, 700],
            "missing": [4, 3, 410],
            "requests_before": [4_000, 4_000, 4_000],
            "missing_before": [20, 18, 22],
        }
    )
    model = Kitchen(3)
    presence = Presence("visits", "listings", cells, ("app",))
    found = rerun(Logged(visits(model, 5, 1), COLUMNS, presence=(presence,)), Models({"now": model}, "now"))
    missing = found.of("logging")
    assert [(one.where, one.differing, one.column) for one in missing] == [
        (slice_of(app="kiosk"), 410, "listings")
    ]
    assert missing[0].low < missing[0].size < missing[0].high


def test_nothing_logged_is_said(model: Kitchen, healthy: pd.DataFrame) -> None:
    with pytest.raises(TooFewRows, match="no logged candidates"):
        run(healthy.iloc[:0], model)
