"""How far back data are read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.workers.conftest import NOON, make_finding
from workers.respond.diagnose.reading import before_onset

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("window", "back"),
    [(HOUR / 60, 6 * HOUR), (3 * HOUR, 6 * HOUR), (24 * HOUR, 48 * HOUR), (7 * 24 * HOUR, 14 * 24 * HOUR)],
)
def test_hours_before_the_onset_are_read_and_two_windows_of_a_metric_that_is_counted_by_the_day(
    window: timedelta, back: timedelta
) -> None:
    finding = make_finding().model_copy(update={"window_start": NOON - window, "window_end": NOON})
    assert before_onset(finding, NOON) == NOON - back
