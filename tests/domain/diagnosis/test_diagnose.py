"""Diagnoses whose truth is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.changes.delivered import delivered
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.items.attribution import attribute_gap
from domain.diagnosis.items.features import compare_features
from domain.diagnosis.material import Material, Snapshots, Standby
from domain.prediction.calendar import LaunchColumns
from domain.values import Diagnosis, Finding, Severity, slice_of


def series_of(at: datetime, factor: float, onset_minutes: int = 28) -> pd.DataFrame:
    chance = np.random.default_rng(4)
    starts = pd.date_range(at - timedelta(hours=6), at, freq="2min", inclusive="left")
    hit = starts >= pd.Timestamp(at - timedelta(minutes=onset_minutes))
    return pd.DataFrame(
        {
            "window_start": starts,
            "observed": chance.poisson(np.where(hit, 60 * factor, 60.0)),
            "expected": 60.0,
        }
    )


def cells_of(country: str, factor: float) -> pd.DataFrame:
    rows = [
        {"country": c, "genre": g, "expected": 200.0, "observed": 200.0 * (factor if c == country else 1.0)}
        for c in ("France", "Denmark", "Japan", "Canada")
        for g in ("drama", "comedy")
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def material(world: SimpleNamespace) -> Material:
    previous = world.delivered - timedelta(days=1)
    return Material(
        finding=world.finding,
        noun="films",
        series=series_of(world.at, 0.3),
        cells=cells_of("France", 0.3),
        dimensions=("country", "genre"),
        items=world.after,
        features=("language", "genre", "country", "popularity"),
        snapshots=Snapshots(world.before, world.after, world.delivered, previous),
        candidates=world.candidates,
        candidates_before=world.candidates_before,
        columns=world.columns,
        model=world.model,
        events=((world.delivered, "Catalogue delivered"),),
    )


def said(diagnosis: Diagnosis, kind: str) -> str:
    return " | ".join(line.statement for line in diagnosis.evidence if line.kind == kind)


def test_the_unset_language_is_named_with_its_delivery(material: Material, world: SimpleNamespace) -> None:
    found = diagnose(material, seed=1)
    count = len(world.concerned)
    assert found.cause is not None
    assert found.cause.startswith(
        f"`language` is not set for {count} of {count} films "
        f"since the catalogue delivery at 2026-03-02 05:30 UTC; before it was "
    )
    assert "French for 9" in found.cause
    assert found.cause.endswith("comparable films lack it")
    assert (found.cause_kind, found.feature, found.suggested_value) == ("feature", "language", "French")
    assert set(found.items) == set(world.concerned)
    assert found.slices == ((("country", "France"),),)
    assert found.since is not None
    assert abs(found.since - (world.at - timedelta(minutes=28))) <= timedelta(minutes=4)
    assert "`language_match` pulls the most" in said(found, "attribution")
    assert "With `language` put back" in said(found, "reproduction")
    assert "could not be examined" not in said(found, "other")
    assert (found.object, found.place) == ("language", (("country", "France"),))
    assert found.title == (
        "`language` of films where country = France is not set since the delivery at 2026-03-02 05:30 UTC"
    )
    first = "Why this: it began at 2026-03-02 05:30 UTC, no later than the symptom"
    assert found.evidence[0].statement.startswith(first)


def test_the_same_seed_gives_the_same_diagnosis(material: Material) -> None:
    assert diagnose(material, seed=5) == diagnose(material, seed=5)


def test_one_step_that_fails_loses_no_other(material: Material) -> None:
    broken = replace(material, candidates=material.candidates.drop(columns="score"))  # type: ignore[union-attr]
    found = diagnose(broken)
    assert "could not be examined: " in said(found, "other")
    assert found.feature == "language"
    assert found.since is not None


def test_without_a_delivery_log_comparable_items_still_name_the_feature(material: Material) -> None:
    found = diagnose(replace(material, snapshots=None, candidates=None))
    assert found.cause is not None
    assert "`language` is not set" in found.cause
    assert found.cause_kind == "feature"
    assert found.suggested_value is not None


def test_a_feed_that_loses_rows_is_distinguished_from_a_recommender_that_shows_less(
    world: SimpleNamespace,
) -> None:
    finding = world.finding.model_copy(update={"table": "plays", "slice": slice_of(device="tv")})
    found = diagnose(
        Material(
            finding=finding,
            noun="films",
            series=series_of(world.at, 0.45),
            items=world.before,
            features=("language", "genre", "popularity"),
            standby=Standby("plays_standby", 900, 2_000, elsewhere=(8_000, 8_010)),
            beside=(("impressions", 4_950, 5_000),),
        )
    )
    assert found.cause_kind == "feed"
    assert found.cause is not None
    assert "loses 55 % of the rows of device = tv since " in found.cause
    assert "`plays_standby` is complete" in found.cause
    assert "The same slice in `impressions`: as usual" in said(found, "history")


def test_nothing_established_is_said_and_what_was_excluded(world: SimpleNamespace) -> None:
    found = diagnose(
        Material(
            finding=world.finding,
            noun="films",
            series=series_of(world.at, 0.3),
            cells=cells_of("France", 0.3),
            dimensions=("country", "genre"),
            items=world.before,
            features=("language", "genre", "popularity"),
            snapshots=Snapshots(
                world.before, world.before, world.delivered, world.delivered - timedelta(days=1)
            ),
            standby=Standby("impressions_standby", 1_000, 1_010),
            problems=("`training_runs` could not be read: locked",),
        )
    )
    assert found.cause is None
    assert found.cause_kind == "unknown"
    assert "changed no feature" in said(found, "change")
    assert "nothing was lost on the way" in said(found, "history")
    assert "training_runs" in said(found, "other")


def test_a_launch_without_language_is_explained_and_gets_its_former_value(world: SimpleNamespace) -> None:
    launches: Any = world.before.assign(dry_run_share=0.1)
    launches.loc[0, ["language", "dry_run_share"]] = [None, 0.001]
    earlier = world.before.copy()
    earlier.loc[0, "language"] = "Danish"
    finding = Finding(
        check="launch_forecast", table="prelaunch", kind="predicted", subject="film-0", window_start=world.at,
        window_end=world.at + timedelta(days=1), observed=4, expected=900, p_value=0.001,
        severity=Severity.SEV3,
        title="launch",
    )  # fmt: skip
    features = ("language", "genre", "popularity", "dry_run_share")
    columns = LaunchColumns("item_id", "snapshot_at", "launch_at", "first_day", features)
    found = diagnose(
        Material(
            finding=finding, noun="films", launches=launches, launch_columns=columns, features=features,
            snapshots=Snapshots(
                earlier, launches, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)),
        )
    )  # fmt: skip
    assert (found.cause_kind, found.feature, found.suggested_value) == ("feature", "language", "Danish")
    assert found.items == ("film-0",)


def test_a_changed_but_not_unset_value_is_a_change_too(world: SimpleNamespace) -> None:
    after = world.before.copy()
    after.loc[after["country"] == "France", "genre"] = "horror"
    (change, *rest) = delivered(world.before, after, "item_id", ("genre", "language"), world.concerned)
    assert (change.feature, change.unset, len(change.items)) == ("genre", False, len(world.concerned))
    assert rest == []


def test_a_number_far_from_comparable_ones_is_the_oddest(world: SimpleNamespace) -> None:
    items = world.before.copy()
    mine = items["item_id"].isin(world.concerned)
    items.loc[mine, "popularity"] -= 5.0
    found = compare_features(items, "item_id", ("popularity", "genre"), world.concerned)
    assert found[0].feature == "popularity"
    assert "robust standard deviations away" in found[0].words
    healthy = compare_features(world.before, "item_id", ("popularity", "genre"), world.concerned)
    assert max(oddity.distance for oddity in healthy) < 3.0


def test_attributions_of_trees_and_of_strange_models_agree_on_the_culprit(world: SimpleNamespace) -> None:
    from sklearn.ensemble import (
        HistGradientBoostingRegressor,
        RandomForestRegressor,
    )

    class Number:
        kind = "number"

        def __init__(self, estimator: Any) -> None:
            self.estimator = estimator

        def score(self, features: pd.DataFrame) -> Any:
            return self.estimator.predict(features.to_numpy(float))

    rows, names = world.candidates, list(world.columns.features)
    inside = rows["item_id"].isin(world.concerned).to_numpy()
    target = rows["score"].to_numpy()
    for estimator in (HistGradientBoostingRegressor(max_iter=40), RandomForestRegressor(20, random_state=0)):
        model = Number(estimator.fit(rows[names].to_numpy(float), target))
        parts = attribute_gap(model, rows[inside], rows[~inside], names)
        assert parts[0][0] == "language_match"
        assert parts[0][1] < 0
