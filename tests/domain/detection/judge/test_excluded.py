"""Times of incidents from which a check learns nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.detection.judge.excluded import excluded_for
from domain.detection.judge.state import ExcludedWindow
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.values import Finding, Severity, Slice, slice_of

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = START + 9 * HOUR
FRANCE = slice_of(country="France")
CHECK = Check(name="rows", kind="volume", table="views")


def found(**more: Any) -> Finding:
    fields: dict[str, Any] = {
        "check": "rows",
        "table": "views",
        "slice": FRANCE,
        "window_start": START,
        "window_end": START + HOUR,
        "observed": 10.0,
        "expected": 90.0,
        "p_value": 1e-9,
        "severity": Severity.SEV2,
        "title": "views where country = France: fewer rows",
    }
    return Finding(**{**fields, **more})


def incident(finding: Finding, /, **more: Any) -> Incident:
    fields: dict[str, Any] = {
        "stream": "incident-1",
        "number": 1,
        "title": finding.title,
        "kind": "detected",
        "severity": finding.severity,
        "fingerprint": finding.fingerprint,
        "first_finding": finding,
        "finding": finding,
        "opened_at": START + HOUR,
        "opened_by": "detector",
        "version": 1,
        "last_event_id": "incident-1:1",
        "last_at": START + HOUR,
    }
    return Incident(**{**fields, **more})


def excluded(one: Incident) -> ExcludedWindow | None:
    windows = excluded_for(CHECK, [one], {"rows": "reports", "missing": "depends"}, NOW)
    assert len(windows) <= 1
    return windows[0] if windows else None


def times(one: Incident) -> tuple[datetime, datetime]:
    window = excluded(one)
    assert window is not None
    return window.since, window.until


def test_a_time_in_which_the_check_could_not_look_is_learned_from_as_any_other() -> None:
    blind = found(slice=(), subject="check fault", unit="looks", observed=0.0, expected=1.0)
    assert excluded(incident(blind)) is None
    assert excluded(incident(found())) is not None


def test_what_people_say_was_no_incident_is_learned_from() -> None:
    closed = {"status": "closed", "resolved_at": NOW}
    assert excluded(incident(found(), resolved_how="false_alarm", **closed)) is None
    assert excluded(incident(found(), resolved_how="by_itself", **closed)) is not None


def test_what_became_part_of_another_incident_is_excluded_with_that_one_only() -> None:
    assert excluded(incident(found(), merged_into=2)) is None


@pytest.mark.parametrize(
    ("more", "until"),
    [
        ({}, NOW),
        ({"resolved_at": START + 5 * HOUR}, START + 5 * HOUR),
        ({"resolved_at": START + 5 * HOUR, "cleared_at": START + 3 * HOUR}, START + 3 * HOUR),
        (
            {"cleared_at": START + HOUR / 2},
            START + HOUR,
        ),  # the window that it was found in is wrong as a whole
    ],
)
def test_it_was_wrong_until_its_metric_was_back_else_until_it_was_resolved_else_it_still_is(
    more: dict[str, datetime], until: datetime
) -> None:
    assert times(incident(found(), **more)) == (START, until)


def test_a_finding_that_was_seen_again_is_wrong_until_its_latest_window() -> None:
    later = found(window_start=START + 7 * HOUR, window_end=START + 8 * HOUR)
    assert times(incident(found(), finding=later, cleared_at=START + 3 * HOUR)) == (START, START + 8 * HOUR)


def test_it_was_wrong_since_its_onset_where_that_is_before_the_window() -> None:
    assert times(incident(found(), onset_at=START - HOUR))[0] == START - HOUR
    assert times(incident(found(), onset_at=START + HOUR / 2))[0] == START


def test_a_prediction_spoils_its_day_and_nothing_after_it() -> None:
    launch = found(kind="predicted", window_start=NOW, window_end=NOW + 24 * HOUR)
    assert times(incident(launch, kind="predicted")) == (NOW, NOW + 24 * HOUR)


@pytest.mark.parametrize(
    ("more", "rise"),
    [
        ({}, False),
        ({"observed": 200.0}, True),
        ({"observed": 90.0}, False),
        ({"unit": "seconds", "observed": 900.0, "expected": 60.0}, False),  # a silence is no surge
    ],
)
def test_a_window_is_a_surge_where_more_came_than_was_expected(more: dict[str, Any], rise: bool) -> None:
    window = excluded(incident(found(**more)))
    assert window is not None
    assert (window.slice, window.rise) == (FRANCE, rise)


@pytest.mark.parametrize(
    ("check", "how", "confirmed"),
    [
        ("rows", None, False),
        ("rows", "by_itself", False),
        ("rows", "hotfix", True),
        ("rows", "elsewhere", True),
        ("fresh", None, True),
    ],
)
def test_somebody_besides_the_check_says_so_where_another_check_found_it_or_people_acted(
    check: str, how: str | None, confirmed: bool
) -> None:
    where: Slice = () if check == "fresh" else FRANCE
    window = excluded(incident(found(check=check, slice=where), resolved_how=how))
    assert window is not None
    assert window.confirmed is confirmed
