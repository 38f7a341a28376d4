from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.detection.explain import same_cause, without_shadows
from domain.values import Finding, Severity, Slice, slice_of

START = datetime(2026, 3, 1, tzinfo=UTC)
FRANCE = slice_of(country="France")


def finding(where: Slice, observed: float, expected: float, hours: int = 0) -> Finding:
    start = START + timedelta(hours=hours)
    return Finding(
        check="c",
        table="views",
        slice=where,
        window_start=start,
        window_end=start + timedelta(hours=1),
        observed=observed,
        expected=expected,
        p_value=0.001,
        severity=Severity.SEV2,
        title="…",
    )


def test_a_total_that_one_slice_pulled_down_is_told_as_that_slice() -> None:
    total, part = finding((), 300, 400), finding(FRANCE, 30, 90)
    assert without_shadows([total, part]) == (part,)


def test_a_total_that_fell_further_than_the_slice_keeps_its_own_finding() -> None:
    total, part = finding((), 100, 400), finding(FRANCE, 10, 25)
    assert without_shadows([total, part]) == (total, part)


def test_a_slice_that_gained_does_not_explain_a_total_that_fell() -> None:
    total, part = finding((), 300, 400), finding(FRANCE, 150, 90)
    assert without_shadows([total, part]) == (total, part)


def test_a_slice_of_another_hour_explains_nothing() -> None:
    total, part = finding((), 300, 400), finding(FRANCE, 30, 90, hours=3)
    assert without_shadows([total, part]) == (total, part)


IMPRESSIONS = finding(FRANCE, 30, 90)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"table": "plays"}, True),
        ({"table": "plays", "observed": 200.0}, False),  # more, where the other is less
        ({"table": "plays", "slice": slice_of(country="Spain")}, False),
        ({"table": "plays", "unit": "seconds"}, False),
        ({"table": "plays", "kind": "predicted"}, False),
        ({"slice": slice_of(country="France", device="tv")}, True),
        ({"slice": ()}, False),  # a whole table is not told as one of its slices
        ({}, False),  # the very same finding repeats; it is not elsewhere
    ],
)
def test_what_one_fault_does_in_two_places_has_one_cause(changes: dict[str, object], same: bool) -> None:
    other = IMPRESSIONS.model_copy(update=changes)
    assert same_cause(IMPRESSIONS, IMPRESSIONS, IMPRESSIONS.window_end, other) is same


def test_the_same_slice_of_another_day_has_a_cause_of_its_own() -> None:
    later = finding(FRANCE, 30, 90, hours=24).model_copy(update={"table": "plays"})
    assert not same_cause(IMPRESSIONS, IMPRESSIONS, IMPRESSIONS.window_end, later)
