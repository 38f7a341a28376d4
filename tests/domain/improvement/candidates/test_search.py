"""Which checks an incident gives reason to try."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.detection.kind import Kind
from domain.detection.kinds.models.staleness import KIND as STALENESS
from domain.detection.kinds.models.training import KIND as TRAINING
from domain.detection.kinds.rows.drift import KIND as DRIFT
from domain.detection.kinds.rows.references import KIND as REFERENCES
from domain.detection.kinds.tables.freshness import KIND as FRESHNESS
from domain.detection.kinds.tables.slice_volume import KIND as SLICE_VOLUME
from domain.detection.kinds.tables.volume import KIND as VOLUME
from domain.improvement.candidates.candidate import Candidate
from domain.improvement.candidates.search import candidates
from domain.improvement.candidates.varied import LEAST_BETWEEN, in_windows, looks_in
from domain.recommender.check import Check
from domain.recommender.model import Items
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from tests.domain.improvement.candidates.incidents import found_by


def tried(
    every: str | None,
    table_every: str | None,
    kinds: Mapping[str, Kind[Any, Any]] = MappingProxyType({"volume": VOLUME}),
    dimensions: tuple[str, ...] = (),
) -> tuple[Candidate, ...]:
    """What is tried where a volume of bicycle rides was found."""
    table = Table.model_validate(
        {
            "name": "rides", "path": "rides.parquet", "time": "at", "window": "8m", "every": table_every,
            "dimensions": dimensions,
        }
    )  # fmt: skip
    check = Check.model_validate({"name": "rides_volume", "kind": "volume", "table": "rides", "every": every})
    recommender = Recommender(name="bikes", tables={"rides": table}, checks={"rides_volume": check})
    incident = found_by("rides_volume", "rides", timedelta(minutes=8))
    written = {"rides_volume": {"kind": "volume", "table": "rides"}}
    return candidates(recommender, written, kinds, incident)


@pytest.mark.parametrize(
    ("every", "table_every", "looks"),
    [
        (None, None, {"4m": "1m", "2m": "30s"}),
        (None, "30s", {"4m": "30s", "2m": "30s"}),
        ("50s", "30s", {"4m": "50s", "2m": "30s"}),
        ("3m", None, {"4m": "1m", "2m": "30s"}),
    ],
)
def test_shorter_windows_are_looked_at_as_often_as_the_check_looks_and_several_times_each(
    every: str | None, table_every: str | None, looks: dict[str, object]
) -> None:
    found = tried(every, table_every)
    assert {one.keys["window"]: one.keys["every"] for one in found if "window" in one.keys} == looks


@given(st.integers(1, 14 * 24 * 3600))
def test_looks_in_a_window_divide_it_and_are_half_a_minute_apart_or_more(seconds: int) -> None:
    window = timedelta(seconds=seconds)
    looks = looks_in(window)
    assert window % looks == timedelta(0)
    assert min(window, LEAST_BETWEEN) <= looks <= window


def test_after_the_check_that_found_it_come_kinds_that_ask_the_same_by_slice_and_in_shorter_windows() -> None:
    kinds: dict[str, Kind[Any, Any]] = {
        "drift": DRIFT,
        "freshness": FRESHNESS,
        "slice_volume": SLICE_VOLUME,
        "volume": VOLUME,
    }
    new = [one.name for one in tried(None, None, kinds, ("dock",)) if one.beside is None]
    by_slice = ["rides_slice_volume", "rides_slice_volume_4m", "rides_slice_volume_2m"]
    assert new == [*by_slice, "rides_freshness", "rides_drift"]


def test_a_smaller_change_is_looked_for_as_often_as_is_worth_anything() -> None:
    smaller = [one for one in tried("5m", None) if "least_rows" in one.keys or "least_change" in one.keys]
    assert smaller
    assert {one.keys["every"] for one in smaller} == {"30s"}
    assert all(one.says.endswith("looking every 30s") for one in smaller)


def test_a_kind_that_suits_the_table_brings_what_is_declared_and_comes_before_the_others() -> None:
    rides = {"name": "rides", "path": "rides.parquet", "time": "at", "window": "8m", "item": "bike"}
    table = Table.model_validate({**rides, "dimensions": ("dock",)})
    bikes = Table.model_validate({"name": "bikes", "path": "bikes.parquet", "key": "number"})
    check = Check.model_validate({"name": "rides_volume", "kind": "volume", "table": "rides"})
    recommender = Recommender(
        name="bikes",
        tables={"rides": table, "bikes": bikes},
        items=Items(table="bikes", key="number"),
        checks={"rides_volume": check},
    )
    kinds: dict[str, Kind[Any, Any]] = {"drift": DRIFT, "references": REFERENCES}
    found = candidates(recommender, {}, kinds, found_by("rides_volume", "rides", timedelta(minutes=8)))
    assert [one.name for one in found] == ["rides_references", "rides_drift"]
    assert found[0].keys["references"] == {"bike": "bikes.number"}


def test_which_model_serves_is_seen_sooner_in_shorter_windows_and_a_training_is_not() -> None:
    table = Table.model_validate({"name": "offers", "path": "offers.parquet", "time": "at", "window": "10m"})
    check = Check(name="ages", kind="staleness", table="offers")
    assert [end for end, _keys, _says in in_windows(check, table, STALENESS)] == ["5m", "2m30s", "1m"]
    assert not list(in_windows(check, table, TRAINING))
