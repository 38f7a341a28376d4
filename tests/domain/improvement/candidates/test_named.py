"""What a diagnosis names is searched for separately, and first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from domain.improvement.candidates.candidate import Candidate
from domain.improvement.candidates.search import MOST_CANDIDATES, MOST_DIRECT, candidates
from domain.recommender.check import Check
from domain.recommender.exposure import Exposure
from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import CauseKind, Diagnosis, Slice, slice_of
from tests.domain.improvement.candidates.incidents import found_by
from workers.declaration.check_kinds import ours

VOLUME: dict[str, Any] = {"name": "hires_volume", "kind": "volume", "table": "hires"}
RANKER = {
    "name": "ranker",
    "path": "ranker.onnx",
    "features": ("weight", "gears"),
    "candidates": "offers",
    "learned_from": ("rides",),
}
SCORED: dict[str, Any] = {"name": "scored", "kind": "score_parity", "table": "offers", "window": "20m"}


def table(name: str, **keys: object) -> Table:
    given = {"path": f"{name}.parquet", "time": "at", "window": "10m", "dimensions": ("dock",), **keys}
    return Table.model_validate({"name": name, "item": "bicycle", **given})


def tried(
    diagnosis: Diagnosis | None, checks: Iterable[dict[str, Any]] = (VOLUME,), where: str = "hires"
) -> tuple[Candidate, ...]:
    """
    What is tried where fewer bicycles were hired: of offers, by a model that learned from rides, and with a
    second copy of the feed.
    """
    tables = [table("hires", upstream=("offers",)), table("hires_standby"), table("offers")]
    tables += [table("rides", every="1m"), table("lessons")]
    declared = {one["name"]: Check.model_validate(one) for one in checks}
    recommender = Recommender(
        name="bicycles",
        tables={one.name: one for one in tables},
        checks=declared,
        models={"ranker": Model.model_validate(RANKER)},
        exposure=Exposure.model_validate({"shown": "offers", "chosen": "hires", "request": "visit"}),
    )
    incident = found_by("hires_volume", where, timedelta(minutes=10), diagnosis)
    written = {one["name"]: {key: one[key] for key in one if key != "name"} for one in checks}
    return candidates(recommender, written, ours(), incident)


def cause(kind: CauseKind, culprit: str, feature: str | None = None, place: Slice = ()) -> Diagnosis:
    return Diagnosis(cause="It is so", cause_kind=kind, object=culprit, feature=feature, place=place)


def test_rows_that_a_feed_lacks_are_looked_for_in_its_standby() -> None:
    first = tried(cause("feed", "hires"))[0]
    assert first.keys == {
        "kind": "joins",
        "table": "hires_standby",
        "beside": "hires",
        "on": {"visit": "visit", "bicycle": "bicycle"},
        "within": "0s",
        "window": "1m",
        "every": "30s",
        "shadow": True,
    }


def test_another_feed_without_a_standby_has_none_to_look_in() -> None:
    assert not any(one.direct and one.keys["kind"] == "joins" for one in tried(cause("feed", "offers")))
    assert not any(one.direct and one.keys["kind"] == "joins" for one in tried(cause("feed", "returns")))


def test_a_column_that_is_named_is_looked_at_in_each_table_concerned_in_short_windows_first() -> None:
    found = tried(cause("feature", "weight", feature="weight"))
    direct = found[:MOST_DIRECT]
    assert all(one.direct for one in direct)
    assert not any(one.direct for one in found if one.beside == "hires_volume")
    assert {one.keys["table"] for one in direct} == {"hires", "offers"}
    assert {one.keys["window"] for one in direct} == {"1m"}
    assert {"domain", "drift", "missing"} <= {one.keys["kind"] for one in direct}
    assert all("weight" in one.keys.get("columns", ["weight"]) for one in direct)


@pytest.mark.parametrize(
    ("place", "by"),
    [
        pytest.param(slice_of(dock="north"), ["dock"], id="by the dock where it lay"),
        pytest.param((), [], id="everywhere: of the whole table"),
        pytest.param(slice_of(city="Ghent"), None, id="by what the table does, where it knows no such place"),
    ],
)
def test_a_column_is_looked_at_by_the_dimensions_of_the_place_where_it_was_wrong(
    place: Slice, by: list[str] | None
) -> None:
    direct = tried(cause("feature", "weight", feature="weight", place=place))[:MOST_DIRECT]
    of_column = [one for one in direct if one.keys["kind"] in ("domain", "missing")]
    assert of_column
    assert all(one.keys.get("dimensions") == by for one in of_column)


def test_a_column_that_a_model_takes_is_looked_for_with_all_that_it_takes_and_alone() -> None:
    direct = tried(cause("feature", "weight", feature="weight"))[:MOST_DIRECT]
    moved = [(one.keys["table"], one.keys["columns"]) for one in direct if one.keys["kind"] == "drift"]
    assert ("hires", ["weight", "gears"]) not in moved, "no model takes what is in that table"
    assert [columns for where, columns in moved if where == "offers"][:2] == [["weight", "gears"], ["weight"]]


def test_a_value_that_was_renamed_is_looked_for_in_its_column() -> None:
    assert ["dock"] in [one.keys.get("columns") for one in tried(cause("renaming", "dock"))[:MOST_DIRECT]]


def test_a_check_for_that_kind_of_fault_that_is_there_is_tried_more_often_and_in_shorter_windows() -> None:
    direct = tried(cause("serving", "ranker"), [VOLUME, SCORED])[:MOST_DIRECT]
    own = [one.keys for one in direct if one.beside == "scored"]
    assert [(keys["window"], keys.get("every")) for keys in own] == [
        ("20m", "2m"),
        ("2m", "30s"),
        ("5m", "1m15s"),
        ("10m", "2m30s"),
    ]
    assert {one.keys["kind"] for one in direct if one.beside != "hires_volume"} == {"score_parity"}


def test_what_a_model_learned_from_is_looked_at_where_its_training_is_named() -> None:
    by_dock = {"name": "by_dock", "kind": "drift", "table": "rides", "columns": ("dock",), "every": "10m"}
    losses = {"name": "losses", "kind": "training", "table": "lessons", "columns": ("loss",), "every": "10m"}
    checks = [VOLUME, by_dock, losses]
    direct = tried(cause("training_data", "ranker"), checks)[:MOST_DIRECT]
    assert {"by_dock", "losses"} <= {one.beside for one in direct}
    others = tried(cause("serving", "ranker"), checks)
    assert not {"by_dock", "losses"} & {one.beside for one in others}


def test_a_check_of_what_a_model_learned_from_that_found_it_itself_looks_for_the_cause() -> None:
    by_dock = {
        "name": "hires_volume",
        "kind": "drift",
        "table": "rides",
        "columns": ("dock",),
        "every": "10m",
    }
    direct = tried(cause("training_data", "ranker"), [by_dock], "rides")[:MOST_DIRECT]
    assert "hires_volume_every_1m" in [one.name for one in direct if one.direct]


def test_what_found_it_is_varied_whatever_was_named() -> None:
    for diagnosis in (None, cause("feature", "weight", feature="weight"), cause("world", "holiday")):
        found = tried(diagnosis)
        assert len(found) <= MOST_CANDIDATES
        assert [one.name for one in found if one.beside == "hires_volume"][:3] == [
            "hires_volume_5m",
            "hires_volume_2m30s",
            "hires_volume_1m",
        ]


def test_a_column_that_a_check_of_the_kind_does_not_look_at_is_one_that_it_could() -> None:
    other = {"name": "set", "kind": "missing", "table": "hires", "columns": ("price",)}
    named = [one.name for one in tried(cause("feature", "weight", feature="weight"), [VOLUME, other])]
    assert "hires_missing_weight" in named or "hires_missing_weight_1m" in named
    same = {**other, "columns": ("weight",)}
    found = tried(cause("feature", "weight", feature="weight"), [VOLUME, same])
    assert not [one for one in found if one.name.startswith("hires_missing_weight")]
    assert "set" in [one.beside for one in found]


def test_rows_that_came_twice_are_known_by_request_and_item_where_nothing_is_declared() -> None:
    direct = tried(cause("duplicate", "hires"))[:MOST_DIRECT]
    of_hires = [one for one in direct if (one.keys["kind"], one.keys["table"]) == ("duplicates", "hires")]
    assert [one.keys.get("window") for one in of_hires] == ["1m", "2m30s", "5m", None]
    assert all(one.keys["key"] == ["visit", "bicycle"] for one in of_hires)


def test_without_a_cause_the_checks_that_found_it_come_first() -> None:
    assert tried(None)[0].beside == "hires_volume"
