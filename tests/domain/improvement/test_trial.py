"""Which of the checks that were replayed are proposed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.improvement.trial import Refusal, Trial, refused

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


@pytest.mark.parametrize(
    ("trial", "why"),
    [
        (Trial(saved=HOUR, alarms=0, judged=6 * WEEK), None),
        (Trial(saved=HOUR, alarms=6, judged=6 * WEEK), None),
        (Trial(saved=HOUR, alarms=7, judged=6 * WEEK), "adds too many alarms"),
        (Trial(saved=HOUR, alarms=1, judged=3 * DAY), "adds too many alarms"),
        (Trial(saved=HOUR, alarms=0, judged=3 * DAY), None),
        (Trial(saved=HOUR, alarms=0, judged=23 * HOUR), "history too short to judge"),
        (Trial(saved=HOUR, alarms=3, judged=2 * HOUR), "adds too many alarms"),
        (Trial(saved=HOUR, alarms=0, judged=timedelta(0)), "history too short to judge"),
        (Trial(saved=timedelta(minutes=1), alarms=0, judged=6 * WEEK), None),
        (Trial(saved=timedelta(seconds=59), alarms=0, judged=6 * WEEK), "finds no sooner"),
        (Trial(saved=timedelta(0), alarms=0, judged=6 * WEEK), "finds no sooner"),
        (Trial(saved=None, alarms=0, judged=6 * WEEK), "finds no sooner"),
    ],
)
def test_what_is_proposed_finds_sooner_and_seldom_alarmed_for_a_day_at_least(
    trial: Trial, why: Refusal | None
) -> None:
    assert refused(trial, most_alarms=1.0) == why
