"""Which of the checks that were replayed are proposed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.improvement.trial import Refusal, Trial, refused

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def came_to(
    saved: timedelta | None, alarms: int, judged: timedelta, covered: timedelta | None = None
) -> Trial:
    """`covered` without a gap, where nothing else is said."""
    return Trial(saved=saved, alarms=alarms, judged=judged, covered=judged if covered is None else covered)


@pytest.mark.parametrize(
    ("trial", "why"),
    [
        (came_to(saved=HOUR, alarms=0, judged=6 * WEEK), None),
        (came_to(saved=HOUR, alarms=6, judged=6 * WEEK), None),
        (came_to(saved=HOUR, alarms=7, judged=6 * WEEK), "adds too many alarms"),
        (came_to(saved=HOUR, alarms=1, judged=3 * DAY), "adds too many alarms"),
        (came_to(saved=HOUR, alarms=0, judged=3 * DAY), None),
        (came_to(saved=HOUR, alarms=0, judged=23 * HOUR), "history too short to judge"),
        (came_to(saved=HOUR, alarms=3, judged=2 * HOUR), "adds too many alarms"),
        (came_to(saved=HOUR, alarms=0, judged=HOUR, covered=DAY), None),
        (came_to(saved=HOUR, alarms=1, judged=HOUR, covered=DAY), "adds too many alarms"),
        (came_to(saved=HOUR, alarms=0, judged=HOUR, covered=23 * HOUR), "history too short to judge"),
        (came_to(saved=HOUR, alarms=0, judged=timedelta(0)), "history too short to judge"),
        (came_to(saved=timedelta(minutes=1), alarms=0, judged=6 * WEEK), None),
        (came_to(saved=timedelta(seconds=59), alarms=0, judged=6 * WEEK), "finds no sooner"),
        (came_to(saved=timedelta(0), alarms=0, judged=6 * WEEK), "finds no sooner"),
        (came_to(saved=None, alarms=0, judged=6 * WEEK), "finds no sooner"),
    ],
)
def test_what_is_proposed_finds_sooner_and_seldom_alarmed_for_a_day_at_least(
    trial: Trial, why: Refusal | None
) -> None:
    assert refused(trial, most_alarms=1.0) == why
