"""Between one week and three: what a weekend may hold is what the days so far have shown."""

from __future__ import annotations

import numpy as np
import pytest

from domain.detection.expect.total.baseline import DAY, HOUR, learn
from domain.detection.expect.total.forecast import WEEKEND

MONDAY = 4 * DAY


def baseline_weekend(days: int, weekend: float, seed: int = 1) -> float:
    """The relative variance between days after so many of them, whose weekends hold so much of a workday."""
    hours = MONDAY + HOUR * np.arange(24 * days, dtype=np.int64)
    free = (hours // DAY + 3) % 7 >= 5
    counts = np.random.default_rng(seed).poisson(240 * np.where(free, weekend, 1.0)).astype(np.float64)
    learned = learn(counts, hours, HOUR, np.ones(len(hours), dtype=bool))
    assert learned is not None
    return learned.weekend


def test_before_a_weekend_was_seen_it_may_be_anything_that_is_usual() -> None:
    assert baseline_weekend(days=5, weekend=1.0) == pytest.approx(WEEKEND**2)


def test_what_lies_beyond_midnight_is_of_another_day() -> None:
    hours = MONDAY + HOUR * np.arange(24 * 9, dtype=np.int64)
    learned = learn(np.full(len(hours), 240.0), hours, HOUR, np.ones(len(hours), dtype=bool))
    assert learned is not None
    minutes = {begins: learned.of_other_days(MONDAY + begins * 60) for begins in (23 * 60, 23 * 60 + 30, 0)}
    assert minutes[0] == 1.0
    assert minutes[23 * 60] < 0.5 < minutes[23 * 60 + 30] < 1.0


@pytest.mark.parametrize("ends", [0, 10, 23])
@pytest.mark.parametrize("width", [HOUR, HOUR // 4])
def test_a_weekend_begins_at_midnight_and_not_before_nor_after(ends: int, width: int) -> None:
    """Whenever of a day it was learned."""
    days, a_day = 29, DAY // width
    begins = MONDAY + width * np.arange(days * a_day + ends * HOUR // width, dtype=np.int64)
    hours = np.exp(np.sin(2 * np.pi * (begins % DAY) / DAY))
    usual = 8 * (width / 60) * hours * np.where((begins // DAY + 3) % 7 >= 5, 0.6, 1.0)
    counts = np.random.default_rng(2).poisson(usual).astype(np.float64)
    learned = learn(counts, begins, width, np.ones(len(begins), dtype=bool))
    assert learned is not None
    assert learned.season == "weekday and hour"
    week = begins[: 7 * a_day] + 4 * 7 * DAY + ends * HOUR
    shape = 8 * (width / 60) * np.exp(np.sin(2 * np.pi * ((week + width / 2) % DAY) / DAY))
    due = shape * np.where(((week + width / 2) // DAY + 3) % 7 >= 5, 0.6, 1.0)
    off = learned.usual(week) * learned.level / due - 1
    assert np.abs(off)[week % DAY == 0].max() < 0.15
    assert np.abs(off).max() < 0.2


def test_a_weekend_like_all_days_leaves_little_room() -> None:
    assert baseline_weekend(days=9, weekend=1.0) < 0.02**2


@pytest.mark.parametrize("begins", [0, 1, 12, 15, 23])
def test_a_week_that_begins_within_a_day_has_shown_a_weekend_too(begins: int) -> None:
    steady = week_from(begins, weekend=1.0)
    assert steady < 0.03**2
    assert 0.1**2 < week_from(begins, weekend=0.7) <= WEEKEND**2


def test_two_mornings_of_a_weekday_are_not_a_day() -> None:
    assert week_from(12, weekend=1.0, days=6.5) == pytest.approx(WEEKEND**2)


def week_from(begins: int, weekend: float, days: float = 7.0) -> float:
    """The same of a past that begins at this hour of a Monday, each day of which is busy at noon."""
    hours = MONDAY + HOUR * (begins + np.arange(round(24 * days), dtype=np.int64))
    busy = 240 * (1 - 0.6 * np.cos(2 * np.pi * (hours % DAY) / DAY))
    free = (hours // DAY + 3) % 7 >= 5
    counts = np.random.default_rng(3).poisson(busy * np.where(free, weekend, 1.0)).astype(np.float64)
    learned = learn(counts, hours, HOUR, np.ones(len(hours), dtype=bool))
    assert learned is not None
    return learned.weekend


def test_a_weekend_unlike_other_days_keeps_its_room() -> None:
    assert 0.1**2 < baseline_weekend(days=9, weekend=0.7) <= WEEKEND**2
