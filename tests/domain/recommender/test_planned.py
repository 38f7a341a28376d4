"""What was announced pages nobody, while it lasts and where it was announced for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from domain.recommender.planned import Planned, planned_at
from domain.values import Finding, slice_of
from tests.domain.incident.given import FINDING, MORNING

HOUR = timedelta(hours=1)


def sale(**more: object) -> Planned:
    times = {"from": MORNING - 2 * HOUR, "to": MORNING + 2 * HOUR}
    return Planned.model_validate({"name": "sale", **times, **more})


def at(hours: float, **changes: object) -> Finding:
    times = {"window_start": MORNING + hours * HOUR, "window_end": MORNING + (hours + 1) * HOUR}
    return FINDING.model_copy(update={**times, **changes})


@pytest.mark.parametrize(
    ("hours", "covered"), [(-4, False), (-3, False), (-2.5, True), (0, True), (1.5, True), (2, False)]
)
def test_a_finding_whose_window_meets_it_was_announced(hours: float, covered: bool) -> None:
    assert sale().covers(at(hours)) is covered


@pytest.mark.parametrize(
    ("more", "covered"),
    [
        ({}, True),
        ({"tables": ["impressions"]}, True),
        ({"tables": ["plays"]}, False),
        ({"checks": ["impressions_by_slice"], "tables": ["impressions"]}, True),
        ({"checks": ["another"]}, False),
        ({"slices": [{"country": "France"}]}, True),
        ({"slices": [{"country": "Spain"}, {"country": "France"}]}, True),
        ({"slices": [{"country": "France", "device": "tv"}]}, False),  # wider than what was announced
    ],
)
def test_it_is_about_what_it_names(more: dict[str, object], covered: bool) -> None:
    assert sale(**more).covers(at(0)) is covered


def test_a_slice_within_what_was_announced_is_covered_and_the_whole_table_is_not() -> None:
    france = sale(slices=[{"country": "France"}])
    assert france.covers(at(0, slice=slice_of(country="France", device="tv")))
    assert not france.covers(at(0, slice=()))


def test_a_silence_that_does_not_end_with_it_is_reported_after_the_usual_time() -> None:
    def silent(hours: float) -> Finding:
        end = MORNING + hours * HOUR
        return at(0, window_start=MORNING - HOUR, window_end=end, unit="seconds", high=1_800.0, slice=())

    assert [sale().covers(silent(hours)) for hours in (1, 2.4, 2.6)] == [True, True, False]


def test_a_prediction_is_meant_only_where_its_check_is_named() -> None:
    predicted = at(0, kind="predicted")
    assert not sale().covers(predicted)
    assert sale(checks=["impressions_by_slice"]).covers(predicted)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"to": MORNING - 3 * HOUR}, "ends before it begins"),
        ({"to": MORNING + timedelta(days=400)}, "lasts longer than 366 days"),
        ({"to": datetime(2026, 3, 2)}, "should have timezone info"),  # noqa: DTZ001
    ],
)
def test_it_always_ends(more: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        sale(**more)


def test_times_are_those_of_the_recommender_and_a_day_is_a_whole_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begun, over = (planned_at(date(2026, 12, 24), berlin, end=end) for end in (False, True))
    assert (begun.astimezone(UTC).hour, over - begun) == (23, timedelta(days=1))
    assert planned_at("2026-12-24", berlin, end=True) == over
    assert planned_at(datetime(2026, 12, 24, 8), berlin, end=True).utcoffset() == HOUR  # noqa: DTZ001
    assert planned_at(MORNING, berlin, end=True) == MORNING
    assert planned_at("soon", berlin, end=True) == "soon"
