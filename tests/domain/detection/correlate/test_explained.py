from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.detection.correlate.explained import without_shadows
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


def test_a_total_that_one_slice_pulled_down_is_reported_as_that_slice() -> None:
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
