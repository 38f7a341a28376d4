"""How long each step took, by versioned definitions: a new one recomputes the past."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import Refused
from domain.incident.times import DEFINITIONS, STEPS, current, definition, durations
from tests.domain.improvement.test_follow_up import FINDING, OPENED, diagnosed, incident

MINUTE = timedelta(minutes=1)


def test_an_onset_that_was_dated_counts_by_both_definitions() -> None:
    dated = incident(diagnosis=diagnosed("feed"))
    first, second = DEFINITIONS["detect"]
    assert first.took(dated) == second.took(dated) == 7 * MINUTE


def test_what_nobody_dated_was_left_out_and_counts_now_from_the_first_window_found() -> None:
    first, second = DEFINITIONS["detect"]
    assert first.took(incident()) is None
    assert second.took(incident()) == 5 * MINUTE
    assert durations(incident()).to_detect == 5 * MINUTE


@pytest.mark.parametrize(
    "changed", [{"kind": "predicted", "onset_at": OPENED}, {"kind": "declared", "first_finding": None}]
)
def test_what_was_predicted_or_said_by_people_without_a_window_was_not_detected(
    changed: dict[str, object],
) -> None:
    assert current("detect").took(incident(**changed)) is None


def test_no_time_is_negative_however_a_clock_went() -> None:
    early = OPENED - MINUTE
    backwards = incident(
        acknowledged_at=early,
        resolved_at=early - MINUTE,
        closed_at=early,
        mitigated_at=early,
        onset_at=OPENED + MINUTE,
    )
    assert {current(step).took(backwards) for step in DEFINITIONS} <= {timedelta(0), None}


def test_what_people_spent_is_from_the_first_that_has_it_to_the_end() -> None:
    attended = incident(acknowledged_at=OPENED + 3 * MINUTE, resolved_at=OPENED + 33 * MINUTE)
    assert current("attend").took(attended) == 30 * MINUTE
    assert current("attend").took(incident(resolved_at=OPENED + MINUTE)) is None


def test_versions_count_up_from_one_and_say_what_they_are() -> None:
    for step, versions in DEFINITIONS.items():
        assert [one.version for one in versions] == list(range(1, len(versions) + 1))
        assert {one.step for one in versions} == {step}
        assert len({one.says for one in versions}) == len(versions)
    assert set(STEPS) <= set(DEFINITIONS)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("detct=v1", "There is no time called “detct”; there are detect, acknowledge,"),
        ("detect=v3", "The time to detect has no version “v3”; it has v1, v2."),
        ("close=2", "The time to close has no version “2”; it has v1."),
    ],
)
def test_a_definition_that_there_is_not_is_named_with_those_that_there_are(asked: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        definition(asked)
    assert words in str(refused.value)


def test_the_window_of_a_finding_is_what_the_tests_say() -> None:
    assert FINDING.window_start == OPENED - 5 * MINUTE
